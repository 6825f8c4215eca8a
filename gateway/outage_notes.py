"""Whether agents can be asked by mail while Slack is away, and what is missing."""

from gateway.settings import Settings


def mail_channel(settings: Settings) -> str | None:
    """The channel that carries the mails: the configured one, else the first that can send; None: nobody is asked."""
    if settings.gateway.public_url is None:
        return None
    able = [each.id for each in settings.channels if each.type == "email" and getattr(each, "smtp", None) is not None]
    wanted = settings.outage.channel
    return next((each for each in able if wanted in (None, each)), None)


def outage_notes(settings: Settings) -> list[str]:
    """What keeps the outage page from being used, in sentences; empty when everybody can be asked."""
    if settings.gateway.public_url is None:
        return ["the outage page is off: set gateway.public_url, the links in its mails need an address"]
    if mail_channel(settings) is None:
        return ["the outage page is off: its mails need a channel of type email with an smtp section"]
    emails = {agent.id for agent in settings.agents if agent.email}
    if settings.outage.fallback in emails:
        return []
    leads = {team.id: team.lead for team in settings.teams}
    return [
        f"while Slack is away nobody is asked about team {team}: give its lead an email, or set outage.fallback"
        for team in dict.fromkeys(route.team for route in settings.routes if route.team is not None)
        if leads.get(team) not in emails
    ]
