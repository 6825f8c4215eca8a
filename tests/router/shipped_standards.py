"""The shipped standards, a calendar and a clock for the consistency tests; read once for all of them."""

from dataclasses import replace
from datetime import datetime
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo

from gateway.standards import load_standards, shipped
from router.calendars import Calendar
from router.consistency.body import Body, body_of
from router.consistency.facts import FactPattern, FactSheet
from router.consistency.patterns import Pattern
from router.consistency.reply import Reply, Standards
from router.consistency.wording import WordingRules
from router.consistency.workdays import Workdays
from router.model import ChannelType, Fact, Statement
from router.openings import SECOND, Interval

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 10, 10, tzinfo=SHANGHAI)
"""A Tuesday."""
_OFFICE = (Interval(9 * 3600 * SECOND, 18 * 3600 * SECOND),)
CALENDAR = Workdays(Calendar(id="office", zone=SHANGHAI, weekly=(_OFFICE,) * 5 + ((),) * 2))


@cache
def standards() -> Standards:
    return load_standards(shipped())


def body(text: str, channel_type: ChannelType = ChannelType.WEBCHAT, now: datetime = NOW) -> Body:
    return body_of(text, CALENDAR, now, standards().promises.soon(channel_type))


def grown() -> Standards:
    """300 wording rules and 200 facts, each with patterns of its own, like those shipped."""
    shipped = standards()
    rules = list(shipped.wording.rules)
    while len(rules) < 300:
        model, index = shipped.wording.rules[len(rules) % len(shipped.wording.rules)], len(rules)
        patterns = tuple(Pattern(f"词{index}[^。]{{0,6}}(?:{each.source})") for each in model.patterns[:2])
        rules.append(replace(model, rule=replace(model.rule, id=f"X-{index}"), patterns=patterns))
    facts, values = list(shipped.facts.rules), list(shipped.facts.values)
    while len(facts) < 200:
        known, index = shipped.facts.rules[len(facts) % len(shipped.facts.rules)], len(facts)
        sources = [each.pattern.source for each in known.patterns[:2]]
        found = tuple(FactPattern(Pattern(f"商品{index}[^。]{{0,6}}(?:{source})")) for source in sources)
        facts.append(replace(known, key=f"k{index}", patterns=found, promise=None))
        values.append(Fact(key=f"k{index}", type=known.type.value, value="7"))
    sheet = FactSheet.of(facts, values, shipped.facts.skip)
    return replace(shipped, wording=WordingRules.of(rules), facts=sheet)


CHINESE = (
    "您好,感谢您的耐心等待。关于您反馈的外套拉链问题,我们已经联系仓库同事核对了发货记录和质检照片,确认这批商品的拉链头存在"
    "装配偏差,给您添麻烦了。针对您的情况我们准备了两种处理办法:第一种是您把外套寄回,仓库签收检查之后重新发出一件全新的外套;"
    "第二种是您保留外套并自行更换拉链,费用由我们补贴。您可以根据自己的方便来选择,告诉我就行。另外,您之前询问的颜色色差问题,"
    "我们也请摄影同事重新拍摄了自然光下的照片,稍后会一并放在商品页面上供您参考。"
    "您好,非常抱歉给您带来不便。您的订单A20260310001我们已经收到,仓库会在今天下班前为您核实处理,退款89.50元将在3-5个"
    "工作日内原路退回,请您放心。我们支持7天无理由退货,质保12个月,满99元包邮。如果还有其他问题,可以随时联系我们。\n"
)
ENGLISH = (
    "Hello Anna, we are sorry for the inconvenience. Your order US-20260301-77 has been received and our warehouse "
    "will check it by tomorrow morning. We will refund $89.50 within 5 business days. Feel free to contact us. "
)


def long_replies() -> tuple[Reply, Reply]:
    """Two replies of 500 characters, to a customer who was told 100 things."""
    here = UUID(int=1)
    slots = ("refund_amount", "compensation", "shipping_fee", "refund_decision", "tracking_no", "ship_date")
    told = [
        Statement(
            contact=here,
            conversation=UUID(int=index + 2),
            slot=slots[index % len(slots)],
            value="10.00",
            unit="CNY",
            order=f"A2026031{index:04}",
            said_at=NOW,
        )
        for index in range(100)
    ]
    return (
        Reply(text=(CHINESE * 5)[:500], conversation=here, told=told, question="什么时候退款", orders=["A1"]),
        Reply(
            text=(ENGLISH * 5)[:500], conversation=here, told=told, question="when do I get my refund", orders=["A1"]
        ),
    )
