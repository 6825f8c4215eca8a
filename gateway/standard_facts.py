"""`facts.yaml` as a fact sheet: rules that find what is said, and the approved values in force."""

from decimal import Decimal, InvalidOperation

from gateway.standard_reading import RULE_KEYS, Node, compiled, one_of, pattern, rule, version_of
from router.consistency.facts import Compare, FactPattern, FactRule, FactSheet, FactType, ties
from router.consistency.patterns import Pattern
from router.consistency.promises import PromiseKind
from router.model import Fact


def fact_sheet(node: Node) -> FactSheet:
    """The section `facts`; two values that could both be in force are a mistake."""
    parts = node.mapping(("version", "skip", "rules", "values"))
    read_rules = [_fact_rule(each) for each in parts["rules"].items()] if "rules" in parts else []
    rules = [each for each in read_rules if each is not None]
    values = _fact_values(parts["values"], rules) if "values" in parts else []
    return FactSheet.of(rules, values, one_of(parts.get("skip")), version_of(parts))


def _fact_rule(node: Node) -> FactRule | None:
    optional = (*RULE_KEYS, "compare", "units", "exceptions", "source", "approved", "promise")
    keys = node.mapping(("key", "type", "patterns"), optional)
    if not {"key", "type", "patterns"} <= keys.keys():
        return None
    if "approved" in keys:
        keys["suggestion"] = keys["approved"]
    name = keys["key"].text()
    kind = keys["type"].choice(FactType)
    fixed = kind in (FactType.BOOL, FactType.ENUM)
    exceptions = one_of(keys["exceptions"]) if "exceptions" in keys else None
    found: list[FactPattern] = []
    for each in keys["patterns"].items():
        extra = ("said",)
        source = pattern(each, exceptions=exceptions, groups=() if fixed else ("n",), extra=extra)
        said = each.child("said").text() if isinstance(each.value, dict) and "said" in each.value else None
        if fixed and said is None:
            each.wrong("said is missing: what a match of this pattern states")
        found.append(FactPattern(source, said))
    promise = keys["promise"].mapping(("kind", "soonest")) if "promise" in keys else {}
    return FactRule(
        key=name,
        type=kind,
        rule=rule(f"FACT-{name}", keys),
        patterns=tuple(found),
        compare=keys["compare"].choice(Compare) if "compare" in keys else Compare.EQUAL,
        units=tuple((Pattern(unit), factor) for unit, factor in _units(keys.get("units"))),
        exceptions=exceptions,
        source=keys["source"].text() if "source" in keys else "",
        promise=promise["kind"].choice(PromiseKind) if "kind" in promise else None,
        soonest=promise["soonest"].integer() if "soonest" in promise else 0,
    )


def _units(node: Node | None) -> list[tuple[str, Decimal]]:
    found: list[tuple[str, Decimal]] = []
    for unit, factor in node.entries().items() if node is not None else ():
        compiled(Node(factor.document, factor.keys, unit))
        try:
            found.append((unit, Decimal(factor.text())))
        except InvalidOperation:
            factor.wrong("must be a number: how many of the fact's own unit one of these is")
    return found


def _fact_values(node: Node, rules: list[FactRule]) -> list[Fact]:
    known = {each.key: each.type for each in rules}
    values: list[Fact] = []
    places: list[Node] = []
    for each in node.items():
        keys = each.mapping(("key", "value"), ("scope", "valid_from", "valid_to", "version"))
        if not {"key", "value"} <= keys.keys():
            continue
        name = keys["key"].text()
        if name not in known:
            keys["key"].wrong("no rule above has this key")
        scope = {key: part.text() for key, part in keys["scope"].entries().items()} if "scope" in keys else {}
        values.append(
            Fact(
                key=name,
                type=known.get(name, FactType.ENUM).value,
                value=keys["value"].text(),
                scope=scope,
                valid_from=keys["valid_from"].instant() if "valid_from" in keys else None,
                valid_to=keys["valid_to"].instant() if "valid_to" in keys else None,
                version=version_of(keys),
            )
        )
        places.append(each)
    for one, other in ties(values):
        index = next(index for index, each in enumerate(values) if each is other)
        places[index].wrong(f"{one.value} and {other.value} could both be in force; give one a scope or an end")
    return values
