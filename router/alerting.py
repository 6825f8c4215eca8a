"""What a policy wants done when a deadline comes near or is passed: who is told, and where (D29)."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from router.alarms import BREACH


class By(StrEnum):
    """THREAD: a line in the conversation's thread. MENTION: that line names the owner. DM: the owner gets a direct
    message. LEAD: the team's lead is named in the thread and gets a direct message."""

    THREAD = "thread"
    MENTION = "mention"
    DM = "dm"
    LEAD = "lead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """What happens at each level; at an empty one nothing is said, and only the log knows. A deadline in business days
    has two warnings: four business hours before is as `at_75`, one is as `at_90`."""

    at_50: Collection[By] = (By.THREAD,)
    at_75: Collection[By] = (By.MENTION,)
    at_90: Collection[By] = (By.THREAD, By.DM)
    breach: Collection[By] = (By.MENTION, By.DM, By.LEAD)

    def of(self, level: str) -> Collection[By]:
        """What an alarm of this level does."""
        match level:
            case "50":
                return self.at_50
            case "75" | "4h":
                return self.at_75
            case "90" | "1h":
                return self.at_90
            case _:
                assert level == BREACH
                return self.breach


USUAL = Alerting()
