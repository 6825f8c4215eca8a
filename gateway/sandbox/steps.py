"""The steps of the guided first minute, in order; three channels, four steps each."""

from dataclasses import dataclass
from datetime import timedelta

from router.model import ChannelType

CHAT_HOLD, MAIL_HOLD = timedelta(seconds=2), timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do, or to wait for. `pane` is where it is seen; `hold` is how long a reply may still be undone."""

    id: str
    channel: ChannelType
    pane: str
    title: str
    text: str
    example: str = ""
    hold: timedelta | None = None


STEPS = (
    Step(
        id="telegram.ask",
        channel=ChannelType.TELEGRAM,
        pane="telegram",
        title="Write to the shop on Telegram",
        text="You are Tom, a customer. Send a message from the phone.",
        example="Hi! Where is my order 1042?",
    ),
    Step(
        id="telegram.show",
        channel=ChannelType.TELEGRAM,
        pane="slack",
        title="See it in Slack",
        text="Tom's question opens a thread in a support channel.",
    ),
    Step(
        id="telegram.answer",
        channel=ChannelType.TELEGRAM,
        pane="slack",
        title="Answer in the thread",
        text="Now you are Alice, an agent. Whatever you write in the thread goes to Tom.",
        example="Hello Tom, it left our warehouse this morning and should be with you tomorrow.",
    ),
    Step(
        id="telegram.arrive",
        channel=ChannelType.TELEGRAM,
        pane="telegram",
        title="See it arrive",
        text="It waits 2 seconds, so that you can still delete it in Slack. Then it leaves.",
        hold=CHAT_HOLD,
    ),
    Step(
        id="webchat.ask",
        channel=ChannelType.WEBCHAT,
        pane="shop",
        title="Ask in the shop's web chat",
        text="Open the chat in the corner of the shop and write as a visitor.",
        example="Is the teapot dishwasher-safe?",
    ),
    Step(
        id="webchat.show",
        channel=ChannelType.WEBCHAT,
        pane="slack",
        title="See it in Slack",
        text="Another customer, another channel, the same desk.",
    ),
    Step(
        id="webchat.answer",
        channel=ChannelType.WEBCHAT,
        pane="slack",
        title="Answer in the thread",
        text="Answer the visitor. Attach a file if you like: it arrives too.",
        example="Yes, it is. Only the bamboo lid wants to be washed by hand.",
    ),
    Step(
        id="webchat.arrive",
        channel=ChannelType.WEBCHAT,
        pane="shop",
        title="See it arrive",
        text="After the same 2 seconds it is in the visitor's chat.",
        hold=CHAT_HOLD,
    ),
    Step(
        id="email.ask",
        channel=ChannelType.EMAIL,
        pane="mail",
        title="Write a mail to the shop",
        text="You are Ann. Write a new mail; words such as “refund” bring it to another team.",
        example="The lamp arrived with a crack. I would like a refund, please.",
    ),
    Step(
        id="email.show",
        channel=ChannelType.EMAIL,
        pane="slack",
        title="See it in Slack",
        text="The mail opens a thread in #aftersale, because it speaks of a refund.",
    ),
    Step(
        id="email.answer",
        channel=ChannelType.EMAIL,
        pane="slack",
        title="Answer in the thread",
        text="Slack in, mail out: your answer becomes a proper mail in Ann's thread.",
        example="Dear Ann, I am sorry about the lamp. Your refund is on its way.",
    ),
    Step(
        id="email.arrive",
        channel=ChannelType.EMAIL,
        pane="mail",
        title="See it arrive",
        text="A mail can be undone for 10 seconds. Then it is in Ann's inbox; answer it if you like.",
        hold=MAIL_HOLD,
    ),
)
