"""A decision in one sentence a person understands, Chinese or English, made from the trace (`service.md` 3.4)."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from router.agent_state import AgentState, AgentStatus
from router.assignment_filters import Excluded, Filter
from router.assignment_trace import NEVER, Assignment, DecidedBy

MENTIONED = 5
"""So many excluded agents are named; the others are counted."""


class Language(StrEnum):
    ZH = "zh"
    EN = "en"


def text(assignment: Assignment, language: Language, zone: tzinfo = UTC) -> str:
    """Who got it, by which rule, and why the others did not; days are those of `zone`."""
    match language:
        case Language.ZH:
            return _chinese(assignment, zone)
        case Language.EN:
            return _english(assignment, zone)


def _english(assignment: Assignment, zone: tzinfo) -> str:
    team = f"{assignment.team} " if assignment.team else ""
    others = _others(assignment, lambda out: _excluded_en(out, zone), ", ", " and {} more are not available")
    tail = f"; {others}" if others else ""
    if assignment.chosen is None:
        return f"{_nobody_en(assignment, team)}{tail}."
    after = _after(assignment)
    load = f"{after} of {assignment.chosen.capacity}"
    among = f"among {len(assignment.ranked)} available {team}agents"
    match assignment.decided_by:
        case DecidedBy.KEEP_OWNER:
            because = "who owns it already" + (f", above capacity ({load})" if assignment.over_capacity else "")
        case DecidedBy.DIRECT_ROUTE:
            because = "whom the route names"
        case DecidedBy.ONLY_CANDIDATE:
            because = f"the only available {team}agent"
        case DecidedBy.AFFINITY:
            same = "this customer with the same topic" if assignment.ranked[0][0] == 0 else "this customer"
            because = f"who was the last to help {same}, {among}"
        case DecidedBy.SKILL:
            because = f"because of the best preferred skills (level {-assignment.ranked[0][1]}) {among}"
        case DecidedBy.LOAD:
            because = f"because of the lowest load ({load}) {among}"
        case DecidedBy.LAST_ASSIGNED if assignment.ranked[0][3] is NEVER:
            because = f"who has not been given anything yet, {among}"
        case DecidedBy.LAST_ASSIGNED:
            because = f"who has waited longest for a new one {among}"
        case _:
            because = f"first by id, all else being equal, {among}"
    return f"{assignment.chosen.label}, {because}{_relaxed_en(assignment.level)}{tail}."


def _nobody_en(assignment: Assignment, team: str) -> str:
    match assignment.decided_by:
        case DecidedBy.NOT_ELIGIBLE:
            return f"Nobody is assigned: {assignment.blocked}"
        case DecidedBy.PULL:
            return f"It waits to be taken; {len(assignment.ranked)} {team}agents may take it"
        case _:
            lead = "; the lead is called" if assignment.page_lead else ""
            return f"No {team}agent is available, it waits in the queue{lead}"


def _relaxed_en(level: int) -> str:
    return ("", ", beyond the fair share", ", overflow team included", ", away included", ", on call included")[level]


def _excluded_en(out: Excluded, zone: tzinfo) -> str:
    name = out.agent.label
    match out.filter:
        case Filter.TEAM:
            return f"{name} is not in the team"
        case Filter.DEACTIVATED:
            return f"{name} is deactivated"
        case Filter.CHANNEL:
            return f"{name} may not use {out.what}"
        case Filter.OUT_OF_OFFICE:
            return f"{name} is out of office{_day(out.agent.ooo_until, zone, ' until {0.day} {0:%B}')}"
        case Filter.OFF_SHIFT:
            return f"{name} is off shift"
        case Filter.PRESENCE:
            return f"{name} is {_PRESENCE_EN[out.what]}"
        case Filter.EXCLUDED:
            return f"{name} is kept away ({out.what})"
        case Filter.SKILL:
            return f"{name} lacks {out.what}"
        case Filter.LANGUAGE:
            return f"{name} does not speak {out.what}"
        case Filter.CAPACITY:
            return f"{name} is full"
        case Filter.FAIRNESS:
            return f"{name} has just got {out.agent.window_count} new ones"


def _chinese(assignment: Assignment, zone: tzinfo) -> str:
    team = assignment.team
    others = _others(assignment, lambda out: _excluded_zh(out, zone), "，", "，另有 {} 人不可用")
    tail = f"；{others}" if others else ""
    if assignment.chosen is None:
        return f"{_nobody_zh(assignment, team)}{tail}。"
    after = _after(assignment)
    load = f"{after}/{assignment.chosen.capacity}"
    among = f"在 {len(assignment.ranked)} 位可用的{team}客服中"
    match assignment.decided_by:
        case DecidedBy.KEEP_OWNER:
            because = "已是该会话的负责人" + (f"（超出容量 {load}）" if assignment.over_capacity else "")
        case DecidedBy.DIRECT_ROUTE:
            because = "由路由规则直接指定"
        case DecidedBy.ONLY_CANDIDATE:
            because = f"唯一可用的{team}客服"
        case DecidedBy.AFFINITY:
            same = "该客户的同类问题" if assignment.ranked[0][0] == 0 else "该客户"
            because = f"{among}，最近接待过{same}"
        case DecidedBy.SKILL:
            because = f"{among}优先技能最强（等级 {-assignment.ranked[0][1]}）"
        case DecidedBy.LOAD:
            because = f"{among}负载最低（{load}）"
        case DecidedBy.LAST_ASSIGNED if assignment.ranked[0][3] is NEVER:
            because = f"{among}尚未分配过会话"
        case DecidedBy.LAST_ASSIGNED:
            because = f"{among}距上次分配时间最长"
        case _:
            because = f"{among}其他条件相同，编号最靠前"
    return f"{assignment.chosen.label}：{because}{_relaxed_zh(assignment.level)}{tail}。"


def _nobody_zh(assignment: Assignment, team: str) -> str:
    match assignment.decided_by:
        case DecidedBy.NOT_ELIGIBLE:
            return f"不分配：{assignment.blocked}"
        case DecidedBy.PULL:
            return f"等待客服领取，{len(assignment.ranked)} 位{team}客服可以领取"
        case _:
            return f"没有可用的{team}客服，进入排队" + ("，已通知主管" if assignment.page_lead else "")


def _relaxed_zh(level: int) -> str:
    return ("", "（不限均衡份额）", "（含后备团队）", "（含离开状态）", "（含值班人员）")[level]


def _excluded_zh(out: Excluded, zone: tzinfo) -> str:
    name = out.agent.label
    match out.filter:
        case Filter.TEAM:
            return f"{name} 不在该团队"
        case Filter.DEACTIVATED:
            return f"{name} 已停用"
        case Filter.CHANNEL:
            return f"{name} 无权使用渠道 {out.what}"
        case Filter.OUT_OF_OFFICE:
            return f"{name} 休假{_day(out.agent.ooo_until, zone, '至 {0.month} 月 {0.day} 日')}"
        case Filter.OFF_SHIFT:
            return f"{name} 不在班次内"
        case Filter.PRESENCE:
            return f"{name} {_PRESENCE_ZH[out.what]}"
        case Filter.EXCLUDED:
            return f"{name} 需回避（{out.what}）"
        case Filter.SKILL:
            return f"{name} 缺少技能 {out.what}"
        case Filter.LANGUAGE:
            return f"{name} 不会语言 {out.what}"
        case Filter.CAPACITY:
            return f"{name} 已满"
        case Filter.FAIRNESS:
            return f"{name} 刚分到 {out.agent.window_count} 个新会话"


_PRESENCE_EN = {
    AgentStatus.OFFLINE: "offline",
    AgentStatus.AWAY: "away",
    AgentStatus.BREAK: "on a break",
    "do_not_disturb": "not to be disturbed",
}
_PRESENCE_ZH = {
    AgentStatus.OFFLINE: "离线",
    AgentStatus.AWAY: "离开",
    AgentStatus.BREAK: "休息中",
    "do_not_disturb": "请勿打扰",
}


def _others(assignment: Assignment, say: Callable[[Excluded], str], comma: str, more: str) -> str:
    """The excluded agents in words. Those of other teams are left out: nobody asks about them."""
    near = [out for out in assignment.excluded if out.filter is not Filter.TEAM]
    said = comma.join(say(out) for out in near[:MENTIONED])
    return said + more.format(len(near) - MENTIONED) if len(near) > MENTIONED else said


def _after(assignment: Assignment) -> int:
    chosen: AgentState | None = assignment.chosen
    return 0 if chosen is None else chosen.load + assignment.units


def _day(at: datetime | None, zone: tzinfo, form: str) -> str:
    return "" if at is None else form.format(at.astimezone(zone))
