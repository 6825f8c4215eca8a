"""The configuration file as one typed model, and the only place that reads the environment.

`gateway.config.load` makes a `Settings` from a file and reports what is wrong; `to_rulebook` compiles it for the rules.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self, cast
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    PlainValidator,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from connectors.lists import Texts, several
from router.agent_state import AgentStatus, Skill
from router.alerting import USUAL, Alerting, By
from router.assignment_inputs import AssignmentSettings, Mode, Strategy
from router.calendar_definitions import WrongCalendar, to_calendar
from router.calendars import ALWAYS
from router.canned_replies import NO_REPLIES, Replies
from router.digests import DigestRules
from router.instants import from_text
from router.languages import tag_of
from router.model import Capabilities, CaseType, ChannelType, Priority
from router.recognition import Recognition
from router.rulebook import (
    RESOLUTIONS,
    Agent,
    AssignmentRules,
    ChannelRules,
    Desk,
    ReplyMode,
    Role,
    Route,
    Rulebook,
    Team,
    Voice,
    When,
)
from router.standard_messages import Messages
from router.targets import Metric, to_target
from router.terms import REOPEN_WINDOW

CHANNEL_TYPES = (ChannelType.SLACK, ChannelType.TELEGRAM, ChannelType.EMAIL, ChannelType.WEBCHAT)
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
YEARS = range(1970, 2101)
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def environment() -> Mapping[str, str]:
    """The environment variables."""
    return os.environ  # noqa: TID251  the one place


def armed_failpoints() -> str:
    """What a fault run wants to go wrong (`storage.failpoints`); empty in service."""
    return environment().get("ONEVOICE_FAILPOINTS", "")


def packaged(name: str) -> Path:
    """An example configuration that comes with Onevoice, in a wheel or in a checkout (decisions 40)."""
    here = Path(__file__).parent
    for folder in (here / "example_config", here.parent / "config"):
        if (path := folder / name).exists():
            return path
    raise FileNotFoundError(f"{name} is not part of this installation; install Onevoice again")


def to_duration(value: object) -> object:
    """`10s`, `5m`, `2h`, `3d` as a timedelta; a timedelta stays as it is."""
    if isinstance(value, timedelta):
        return value
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("duration", "must be a duration such as 10s, 5m, 2h or 3d")
    return timedelta(seconds=float(match[1]) * UNITS[match[2]])


def _endpoint(value: str) -> str:
    """`host:port`, `[::1]:port` for IPv6."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535 or (":" in host and not host.startswith("[")):
        raise PydanticCustomError("listen", "must be host:port, for example 127.0.0.1:8080")
    return value


def _database(value: str) -> str:
    """A URL of one of the two databases."""
    parts = urlsplit(value)
    if parts.scheme == "postgresql" and parts.path.strip("/"):
        return value
    if (
        parts.scheme == "sqlite"
        and value.startswith("sqlite:///")
        and value.partition(":///")[2] not in ("", ":memory:")
    ):
        return value
    raise PydanticCustomError("database", "must be sqlite:///PATH or postgresql://USER@HOST/NAME")


def _url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise PydanticCustomError("url", "must be an address such as https://desk.shop.example")
    return value.rstrip("/")


def _day_or_instant(value: object) -> date:
    """A local day, or an instant (a datetime) when it says its zone."""
    if isinstance(value, str):
        for read in (date.fromisoformat, from_text):
            with suppress(ValueError, OverflowError):
                found = read(value)
                if found.year in YEARS:
                    return found
    raise PydanticCustomError(
        "day_or_instant",
        "must be a day such as 2026-12-31, or an instant such as 2026-12-31T18:00:00+08:00, of the years 1970 to 2100",
    )


def _language(value: str) -> str:
    """A language tag, in upper or lower case."""
    tag = tag_of(value)
    if tag is None or tag.lower() != value.lower():
        near = f"; did you mean {tag}?" if tag else " like zh-TW or en"
        raise ValueError(f"{value} is no language tag{near}")
    return value


def _shaped(pattern: str, sentence: str) -> AfterValidator:
    """A text of this pattern; of another one the sentence says what it must be."""

    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(sentence)
        return value

    return AfterValidator(check)


Duration = Annotated[timedelta, BeforeValidator(to_duration)]
UndoTime = Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(hours=1)), BeforeValidator(to_duration)]
TimeOfDay = Annotated[str, _shaped(r"([01]\d|2[0-3]):[0-5]\d", "must be a time of day such as 08:30")]
MemberId = Annotated[str, _shaped(r"[UW][A-Z0-9]{2,}", "must be a Slack member id such as U012ABCDEF")]
Resolution = Annotated[
    str,
    _shaped(
        r"[a-z0-9][a-z0-9_-]{0,31}",
        "must be made of a-z, 0-9, - and _, at most 32 of them, and begin with a letter or digit",
    ),
]
Languages = Annotated[tuple[Annotated[str, AfterValidator(_language)], ...], BeforeValidator(several)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GatewaySettings(Section):
    """How this node runs. Read at start only."""

    listen: str = Field(default="127.0.0.1:8080", description="address of the HTTP listener, host:port")
    trusted_proxies: Annotated[tuple[IPvAnyNetwork, ...], BeforeValidator(several)] = Field(
        default=(), description="networks of proxies whose X-Forwarded-For is believed"
    )
    public_url: str | None = Field(
        default=None, description="address under which customers and providers reach this listener"
    )
    database: str = Field(
        default="sqlite:///data/onevoice.db", repr=False, description="sqlite:///PATH or postgresql://USER@HOST/NAME"
    )
    files_url: str | None = Field(
        default=None, description="origin of its own for files of customers, served by the same listener (W13)"
    )
    bus: str | None = Field(default=None, description="null: one node, or several that poll the database")
    files: Path = Field(default=Path("data/files"), description="folder of attachments")
    secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="key of signatures in mail threads and links; made beside a SQLite database when left out",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least important level logged"
    )
    drain: Duration = Field(
        default=timedelta(seconds=30),
        gt=timedelta(0),
        le=timedelta(seconds=30),
        description="time to finish after SIGTERM",
    )
    parser_workers: int = Field(default=1, ge=1, le=32, description="processes that parse mail")
    lease: Duration = Field(
        default=timedelta(seconds=60),
        ge=timedelta(seconds=2),
        le=timedelta(hours=1),
        description="how long a claim holds",
    )
    http_timeout: Duration = Field(
        default=timedelta(seconds=30),
        ge=timedelta(seconds=1),
        le=timedelta(minutes=5),
        description="longest wait for a provider's answer",
    )

    deliveries: Literal["run", "paused"] = Field(
        default="run", description="paused: everything is stored and queued, nothing is sent"
    )

    _check_listen = field_validator("listen")(_endpoint)
    _check_database = field_validator("database")(_database)

    @field_validator("public_url", "files_url")
    @classmethod
    def _check_public_url(cls, value: str | None) -> str | None:
        return None if value is None else _url(value)

    @field_validator("bus")
    @classmethod
    def _check_bus(cls, value: str | None) -> str | None:
        if value is not None:
            raise PydanticCustomError("bus", "a bus is not supported yet; remove it, nodes find work in the database")
        return value

    @model_validator(mode="after")
    def _check_lease(self) -> Self:
        if self.lease <= self.http_timeout:
            raise PydanticCustomError("lease", "lease must be longer than http_timeout: a claim outlives its call")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def url(self) -> str:
        """The public address without a slash at its end; the listener's own when none is configured."""
        return self.public_url or f"http://{self.listen}"

    @property
    def data(self) -> Path:
        """The folder of what this node keeps on disk beside the files."""
        if self.database.startswith("sqlite:///"):
            return Path(self.database.removeprefix("sqlite:///").partition("?")[0]).parent
        return self.files.parent


class ChannelSettings(Protocol):
    """What every channel has; the rest belongs to its connector."""

    @property
    def id(self) -> str: ...

    @property
    def type(self) -> str: ...


def channel_model(channel_type: str, *, of_colleagues: bool = False) -> type[BaseModel]:
    """The settings class of a kind of channel, imported on demand: `connectors.email.settings.EmailSettings`.
    `of_colleagues`: the side of a workspace where colleagues are the customers."""
    module = import_module(f"connectors.{ChannelType(channel_type)}.settings")
    name = "ColleaguesSettings" if of_colleagues else f"{channel_type.title()}Settings"
    return cast(type[BaseModel], getattr(module, name))


def is_of_colleagues(channel: Mapping[str, object]) -> bool:
    """Whether a channel as written is of type slack and uses the app of another."""
    return channel.get("type") == ChannelType.SLACK and "workspace" in channel


def _channel(value: object) -> ChannelSettings:
    """The settings of the connector that `type` names."""
    if not isinstance(value, Mapping):
        raise PydanticCustomError("dict_type", "must hold keys and values")
    if value.get("type") not in CHANNEL_TYPES:
        raise PydanticCustomError("channel_type", "type must be one of " + ", ".join(CHANNEL_TYPES))
    model = channel_model(value["type"], of_colleagues=is_of_colleagues(value))
    durations = {  # connectors declare timedeltas, the file writes 10s
        name: to_duration(value[name])
        for name, field in model.model_fields.items()
        if field.annotation in (timedelta, timedelta | None) and DURATION.fullmatch(str(value.get(name)))
    }
    return cast(ChannelSettings, model.model_validate({**value, **durations}))


class SkillSettings(Section):
    """What an agent can do, and until when that is certified (TR-4)."""

    level: int = Field(default=1, ge=1, le=3, description="1 to 3")
    certified_until: Annotated[datetime | date, BeforeValidator(_day_or_instant)] | None = Field(
        default=None, description="last day of the certificate, or the instant it ends; null: it needs none"
    )

    def to_rules(self, zone: tzinfo) -> Skill:
        """Compile for the rules; a day is over when it is over in the zone."""
        until = self.certified_until
        if until is not None and not isinstance(until, datetime):
            until = datetime.combine(until + timedelta(days=1), time(), zone)
        return Skill(level=self.level, certified_until=until)


def _skill(value: object) -> object:
    """A level alone is a skill that needs no certificate."""
    return value if isinstance(value, Mapping) else {"level": value}


class AgentSettings(Section):
    """Only who is listed can speak to customers."""

    id: str
    name: str = Field(min_length=1, description="the name customers see")
    email: str = Field(default="", description="finds the Slack member when `slack` is left out")
    slack: MemberId | None = Field(default=None, description="Slack member id")
    role: Role = Field(default=Role.AGENT, description="agent, lead, manager or admin")
    teams: Texts = Field(default=(), description="ids of teams")
    channels: Texts = Field(default=(), description="ids of the channels this agent answers; empty: all")
    languages: Texts = Field(default=(), description="language tags such as zh or en; empty: all")
    capacity: int = Field(default=12, ge=0, description="units of work at the same time")
    skills: dict[str, Annotated[SkillSettings, BeforeValidator(_skill)]] = Field(
        default={}, description="skill and level 1 to 3, or level and certificate, see below"
    )
    weights: dict[Literal["webchat", "telegram", "email", "complaint"], Annotated[int, Field(ge=0, le=100)]] = Field(
        default={}, description="units of work that differ from the usual"
    )
    on_call: bool = Field(default=False, description="may be called when nobody else is left")
    shifts: str | None = Field(default=None, description="id of the calendar of the working time; null: always")


class TeamSettings(Section):
    id: str
    name: str = Field(default="", description="shown to agents; the id without it")
    lead: str | None = Field(default=None, description="id of an agent")
    overflow: str | None = Field(default=None, description="id of the team that helps out")
    slack: str | None = Field(default=None, description="Slack channel of its digests; the lead is told alone without")
    daily_at: TimeOfDay | None = Field(default=None, description="time of its daily digest, HH:MM")
    calendar: str | None = Field(default=None, description="id of the calendar of its daily digest")


class WhenSettings(Section):
    """All conditions must hold; of a list one value is enough."""

    channel: Texts = Field(default=(), description="ids of channels")
    to: Texts = Field(default=(), description="address that was written to")
    language: Languages = Field(default=(), description="language tag; zh also means zh-TW")
    keyword: Texts = Field(default=(), description="words in subject or text, in any case")
    tier: Texts = Field(default=(), description="tier of the customer")
    topic: Texts = Field(default=(), description="what it is about, by the shop's keywords: refund, logistics, ...")
    case: Annotated[tuple[CaseType, ...], BeforeValidator(several)] = Field(
        default=(), description="complaint, return, exchange, repair or refund"
    )
    hours: Texts = Field(default=(), description="ids of calendars of which one is open then")
    verified: bool | None = Field(default=None, description="whether the sender's identity is proven")


class DeskSettings(Section):
    channel: str = Field(description="id of a channel of type slack")
    slack: Texts = Field(
        min_length=1, description="Slack channel (#name or id); a list spreads conversations over them"
    )


class RouteSettings(Section):
    """The first that matches wins; the last has no `when`."""

    id: str
    when: WhenSettings = Field(default=WhenSettings(), description="conditions, see below")
    team: str | None = Field(default=None, description="id of the team that answers")
    agent: str | None = Field(default=None, description="id of the agent that answers")
    desk: DeskSettings = Field(description="where in Slack, see below")
    reply_mode: ReplyMode = Field(
        default=ReplyMode.REPLY, description="reply or note: what a plain message in the thread is"
    )
    hold: UndoTime | None = Field(default=None, description="undo window before a reply leaves")
    required_skills: Texts = Field(default=(), description="skills without which an agent does not get it")
    preferred_skills: Texts = Field(default=(), description="skills of which agents who have more are asked first")
    language_fallback: bool = Field(
        default=False, description="whether an agent may get it who does not speak its language, when time runs out"
    )


class AssigningSettings(Section):
    """How conversations find their owners."""

    mode: Mode = Field(default=Mode.OFFER, description="offer, assign or pull")
    strategy: Strategy = Field(default=Strategy.BALANCED, description="balanced or round_robin")
    affinity_days: int = Field(default=30, ge=0, le=3650, description="how long a former agent is preferred")
    affinity_max_load: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.9, description="share of the capacity up to which a former agent is preferred"
    )
    window_limit: int = Field(default=5, ge=1, description="new conversations for an agent inside the window")
    window: Duration = Field(default=timedelta(minutes=10), gt=timedelta(0), description="length of the window")
    offer_webchat: Duration = Field(default=timedelta(seconds=60), gt=timedelta(0), description="time to accept")
    offer_telegram: Duration = Field(default=timedelta(minutes=5), gt=timedelta(0), description="time to accept")
    offer_email: Duration = Field(default=timedelta(minutes=15), gt=timedelta(0), description="time to accept")
    default_status: Literal[AgentStatus.AVAILABLE, AgentStatus.OFFLINE] = Field(
        default=AgentStatus.AVAILABLE, description="status of an agent who never said one"
    )

    def to_rules(self) -> AssignmentRules:
        """Compile for the rules; the share exactly as written."""
        return AssignmentRules(
            settings=AssignmentSettings(
                mode=self.mode,
                strategy=self.strategy,
                affinity_days=self.affinity_days,
                affinity_max_load=Fraction(str(self.affinity_max_load)),
                window_limit=self.window_limit,
                window=self.window,
            ),
            offer_timeouts={
                ChannelType.WEBCHAT: self.offer_webchat,
                ChannelType.TELEGRAM: self.offer_telegram,
                ChannelType.EMAIL: self.offer_email,
            },
            default_status=self.default_status,
        )


class CheckSettings(Section):
    """How replies are checked before they leave."""

    mode: Literal["enforce", "off"] = Field(default="enforce", description="off: every reply leaves unchecked")
    lead_after_chat: Duration = Field(
        default=timedelta(minutes=3), gt=timedelta(0), description="when the lead hears of a held reply on a chat"
    )
    lead_after_mail: Duration = Field(
        default=timedelta(minutes=30), gt=timedelta(0), description="when the lead hears of a held reply by mail"
    )


class OutageSettings(Section):
    """When Slack is away, agents are asked by mail to answer on a web page."""

    after: Duration = Field(
        default=timedelta(minutes=5), ge=timedelta(seconds=1), description="how long Slack must be away before"
    )
    channel: str | None = Field(
        default=None, description="id of the mail channel that carries these mails; the first that can send"
    )
    fallback: str | None = Field(
        default=None, description="id of the agent who is asked where neither owner nor lead has an email"
    )
    valid: Duration = Field(
        default=timedelta(hours=24),
        ge=timedelta(minutes=5),
        le=timedelta(days=7),
        description="how long a link can be used",
    )


class DigestSettings(Section):
    """What teams are told at set times."""

    queue_every: Annotated[timedelta, Field(ge=timedelta(seconds=2)), BeforeValidator(to_duration)] | None = Field(
        default=timedelta(minutes=15), description="between two digests of it; null: never"
    )
    queue_after: Duration = Field(
        default=timedelta(minutes=5), ge=timedelta(0), description="how long somebody waits for an owner before"
    )
    daily_at: TimeOfDay | None = Field(default="08:30", description="time of the daily digest, HH:MM; null: never")
    calendar: str | None = Field(default=None, description="id of the calendar of the daily digest")
    slack: str | None = Field(default=None, description="Slack channel where a team has neither its own nor a lead")


class PolicyWhenSettings(Section):
    """All conditions must hold; of a list one value is enough."""

    channel: Texts = Field(default=(), description="ids of channels")
    channel_type: Annotated[tuple[ChannelType, ...], BeforeValidator(several)] = Field(
        default=(), description="email, telegram, webchat or slack"
    )
    language: Languages = Field(default=(), description="language tag of the message")
    tier: Texts = Field(default=(), description="tier of the customer")
    priority: Annotated[tuple[Priority, ...], BeforeValidator(several)] = Field(
        default=(), description="normal, vip, complaint or urgent"
    )
    topic: Texts = Field(default=(), description="what it is about, by the shop's keywords: refund, logistics, ...")


def _target(value: object) -> dict[str, object]:
    """A target: a duration, or `{seconds, clock}`, or `{business_days}`; checked, and plain for storing."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        duration = to_duration(value)
        if not isinstance(duration, timedelta):
            raise PydanticCustomError("target", "must be a duration like 5m, {{seconds: 300}} or {{business_days: 1}}")
        value = {"seconds": duration.total_seconds()}
    if not isinstance(value, Mapping) or not value.keys() <= {"seconds", "clock", "business_days", "counts"}:
        raise PydanticCustomError("target", "must be a duration like 5m, {{seconds: 300}} or {{business_days: 1}}")
    to_target(value)
    return dict(value)


TargetSettings = Annotated[dict[str, object], BeforeValidator(_target)]


class AlertSettings(Section):
    """Who is told when so much of the time is used; an empty list says nothing."""

    at_50: Annotated[tuple[By, ...], BeforeValidator(several)] = Field(
        default=tuple(USUAL.at_50), description="half of the time is used"
    )
    at_75: Annotated[tuple[By, ...], BeforeValidator(several)] = Field(
        default=tuple(USUAL.at_75), description="three quarters, or four business hours are left"
    )
    at_90: Annotated[tuple[By, ...], BeforeValidator(several)] = Field(
        default=tuple(USUAL.at_90), description="nine tenths, or one business hour is left"
    )
    breach: Annotated[tuple[By, ...], BeforeValidator(several)] = Field(
        default=tuple(USUAL.breach), description="the deadline has passed"
    )

    def to_rules(self) -> Alerting:
        """Compile for the rules."""
        return Alerting(at_50=self.at_50, at_75=self.at_75, at_90=self.at_90, breach=self.breach)


class PolicySettings(Section):
    """How long customers may wait. The first that matches judges a new conversation."""

    id: str
    when: PolicyWhenSettings = Field(default=PolicyWhenSettings(), description="conditions, see below")
    calendar: str = Field(default="ALWAYS", description="id of the calendar business time is counted on")
    ack: TargetSettings | None = Field(default=None, description="automatic acknowledgement")
    first: TargetSettings | None = Field(default=None, description="first human answer")
    next: TargetSettings | None = Field(default=None, description="every later human answer")
    update: TargetSettings | None = Field(default=None, description="longest silence of ours")
    resolution: TargetSettings | None = Field(default=None, description="solution of the matter")
    alerts: AlertSettings = Field(default=AlertSettings(), description="who is told of a deadline, see below")

    def target(self, metric: Metric) -> dict[str, object] | None:
        """The target of a metric as written."""
        found: dict[str, object] | None = getattr(self, metric.value)
        return found


def shipped_calendars() -> dict[str, dict[str, object]]:
    """The definitions in config/standards/calendars.yaml."""
    found: dict[str, dict[str, object]] = yaml.safe_load(
        packaged("standards/calendars.yaml").read_text(encoding="utf-8")
    )
    return found


def shipped_topics() -> dict[str, object]:
    """The section `topics` of config/standards/topics.yaml."""
    found: dict[str, dict[str, object]] = yaml.safe_load(packaged("standards/topics.yaml").read_text(encoding="utf-8"))
    return found["topics"]


class Settings(Section):
    """A whole configuration file."""

    gateway: GatewaySettings = GatewaySettings()
    channels: tuple[Annotated[ChannelSettings, PlainValidator(_channel)], ...]
    agents: tuple[AgentSettings, ...]
    teams: tuple[TeamSettings, ...] = ()
    routes: tuple[RouteSettings, ...]
    assignment: AssigningSettings = AssigningSettings()
    policies: tuple[PolicySettings, ...] = ()
    digests: DigestSettings = DigestSettings()
    calendars: dict[str, dict[str, object]] = Field(default_factory=shipped_calendars)
    standards: dict[str, Any] = {}
    checks: CheckSettings = CheckSettings()
    outage: OutageSettings = OutageSettings()
    promise_calendar: str | None = None
    reopen_window: Duration = REOPEN_WINDOW
    reopen_windows: dict[str, Duration] = {}
    resolutions: Annotated[tuple[Resolution, ...], BeforeValidator(several)] = RESOLUTIONS

    @field_validator("calendars")
    @classmethod
    def _check_calendars(cls, value: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
        for name, definition in value.items():
            try:
                to_calendar(name, definition)
            except WrongCalendar as error:
                raise ValueError(str(error)) from error
        return value


def to_rulebook(
    settings: Settings,
    capabilities: Mapping[str, Capabilities],
    voice: Voice | None = None,
    recognition: Recognition | None = None,
    messages: Messages | None = None,
    replies: Replies = NO_REPLIES,
) -> Rulebook:
    """Compile for the rules. `capabilities` by channel id come from the connectors, `voice`, `recognition`,
    `messages` and `replies` from the standards."""
    content = settings.model_dump_json(include={"agents", "teams", "routes", "assignment"})
    kinds = sorted(f"{channel.id}:{channel.type}" for channel in settings.channels)
    return Rulebook(
        channels={
            channel.id: ChannelRules(
                id=channel.id, type=ChannelType(channel.type), capabilities=capabilities[channel.id]
            )
            for channel in settings.channels
        },
        agents={agent.id: _agent(agent, settings, voice) for agent in settings.agents},
        teams={
            team.id: Team(id=team.id, name=team.name or team.id, lead=team.lead, overflow=team.overflow)
            for team in settings.teams
        },
        routes=tuple(_route(route, settings) for route in settings.routes),
        assignment=settings.assignment.to_rules(),
        resolutions=settings.resolutions,
        alerts={policy.id: policy.alerts.to_rules() for policy in settings.policies},
        digests=tuple(_digests(settings)),
        voice=voice,
        recognition=recognition,
        messages=messages,
        replies=replies,
        revision=hashlib.sha256(f"{content}{kinds}{voice.standards.version if voice else ''}".encode()).hexdigest()[
            :12
        ],
    )


def _digests(settings: Settings) -> Iterator[DigestRules]:
    """Those of every team, and of conversations without one; nobody is told where no address is known."""
    usual, agents = settings.digests, {agent.id: agent for agent in settings.agents}
    for team in (*settings.teams, TeamSettings(id="", name="No team")):
        lead = agents.get(team.lead or "")
        address = team.slack or (lead.slack or lead.email if lead is not None else None) or usual.slack
        if not address:
            continue
        own = next((route for route in settings.routes if route.team == team.id), settings.routes[-1])
        named = (team.calendar, usual.calendar, *(each.calendar for each in settings.policies), "CN_STD")
        calendar = next((name for name in named if name in settings.calendars), None)
        daily_at = team.daily_at or usual.daily_at
        yield DigestRules(
            team=team.id or None,
            name=team.name or team.id,
            channel=own.desk.channel,
            address=address,
            queue_every=usual.queue_every,
            queue_after=usual.queue_after,
            daily_at=None if daily_at is None else time.fromisoformat(daily_at),
            calendar=ALWAYS if calendar is None else to_calendar(calendar, settings.calendars[calendar]),
        )


def _agent(agent: AgentSettings, settings: Settings, voice: Voice | None) -> Agent:
    shifts = None if agent.shifts is None else to_calendar(agent.shifts, settings.calendars[agent.shifts])
    usual = UTC if voice is None else voice.calendar.tz
    zone = usual if shifts is None else shifts.zone
    skills = {name: each.to_rules(zone) for name, each in agent.skills.items()}
    return Agent(**{**agent.model_dump(), "email": agent.email.lower(), "skills": skills, "shifts": shifts})


def _route(route: RouteSettings, settings: Settings) -> Route:
    when = route.when
    return Route(
        id=route.id,
        when=When(
            channel=frozenset(when.channel),
            to=frozenset(address.lower() for address in when.to),
            language=frozenset(tag.lower() for tag in when.language),
            keyword=tuple(word.casefold() for word in when.keyword),
            tier=frozenset(when.tier),
            topic=frozenset(when.topic),
            case=frozenset(when.case),
            hours=tuple(to_calendar(name, settings.calendars[name]) for name in when.hours),
            verified=when.verified,
        ),
        team=route.team,
        agent=route.agent,
        desk=Desk(channel=route.desk.channel, slack=route.desk.slack),
        reply_mode=route.reply_mode,
        hold=route.hold,
        required_skills=route.required_skills,
        preferred_skills=route.preferred_skills,
        language_fallback=route.language_fallback,
    )
