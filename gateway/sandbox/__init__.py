"""Local stand-ins for the outside world that speak the real protocols, and the page that shows them."""
