"""What the gate says, for a terminal, a pull-request comment, JSON, and GitHub's annotations."""

from collections.abc import Sequence

from optbench.gate import Decision, Outcome, Rule

_SUMMARY = {
    "pass": "no regression",
    "regression": "a regression",
    "inconclusive": "inconclusive: not shown to be as good as before, nor to be worse",
}
_COMMANDS = {"regression": "error", "inconclusive": "warning", "pass": "notice"}


def text(outcome: Outcome) -> str:
    """Return a line for each decision and a verdict on all of them, with a final newline."""
    width = max((len(decision.status) for decision in outcome.decisions), default=0)
    lines = [f"{decision.status:<{width}}  {decision.sentence}" for decision in outcome.decisions]
    return "\n".join([*lines, *outcome.notes, f"gate: {_summary(outcome)}"]) + "\n"


def markdown(outcome: Outcome) -> str:
    """Return the same as a section of a comment, with a final newline."""
    lines = [f"**Gate: {_summary(outcome)}**", "", "| result | metric | arm | why |", "| --- | --- | --- | --- |"]
    for decision in outcome.decisions:
        result = decision.status if decision.status == "pass" else f"**{decision.status}**"
        cells = (decision.metric, decision.arm, decision.sentence)
        lines.append(f"| {result} | {' | '.join(map(_escape, cells))} |")
    if outcome.notes:
        lines += ["", *(f"- {_escape(note)}" for note in outcome.notes)]
    return "\n".join(lines) + "\n"


def document(outcome: Outcome, rules: Sequence[Rule]) -> dict[str, object]:
    """Return the same ready for JSON: the `gate` of a comparison."""
    return {
        "status": outcome.status,
        "exit_status": outcome.exit_status,
        "rules": [
            {"metric": rule.metric, "tolerance": rule.tolerance.amount, "relative": rule.tolerance.relative}
            for rule in rules
        ],
        "decisions": [_decision(decision) for decision in outcome.decisions],
        "notes": list(outcome.notes),
    }


def annotations(outcome: Outcome) -> list[str]:
    """Return GitHub workflow commands: an error or a warning for each decision that is no pass, or one notice."""
    open_ones = [decision for decision in outcome.decisions if decision.status != "pass"]
    if not open_ones:
        return [_command("notice", "optbench", _summary(outcome))]
    return [
        _command(_COMMANDS[decision.status], f"optbench: {decision.metric} of {decision.arm}", decision.sentence)
        for decision in open_ones
    ]


def _summary(outcome: Outcome) -> str:
    counts = {status: sum(d.status == status for d in outcome.decisions) for status in _COMMANDS}
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return _SUMMARY[outcome.status] + (f" ({told})" if told else "")


def _decision(decision: Decision) -> dict[str, object]:
    return {
        "metric": decision.metric,
        "optimizer": decision.arm,
        "status": decision.status,
        "sentence": decision.sentence,
        "value": decision.value,
        "low": decision.low,
        "high": decision.high,
    }


def _command(level: str, title: str, message: str) -> str:
    """Return one workflow command; what would end it early is escaped as GitHub asks for."""
    data = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    name = title.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A").replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={name}::{data}"


def _escape(cell: str) -> str:
    cell = " ".join(cell.split())
    for sign in "\\|*_<":
        cell = cell.replace(sign, f"\\{sign}")
    return cell
