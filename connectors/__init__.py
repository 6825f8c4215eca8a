"""Translations between foreign services and the one conversation model; never storage, never the gateway."""
