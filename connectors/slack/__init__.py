"""Slack: the desk where agents answer, over Socket Mode or HTTP events and the Web API."""
