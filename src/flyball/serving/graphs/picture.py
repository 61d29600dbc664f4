"""A graph as a picture: a flow chart in Mermaid's language, which consoles and code hosts draw."""

from __future__ import annotations

from flyball.serving.graphs.model import Call, Combine, Compute, GraphSpec, Inputs, Score, Step, Switch


def mermaid(graph: GraphSpec) -> str:
    """The flow chart: boxes are steps, arrows are what they are given, dotted ones what stands in.

    >>> from flyball.serving.graphs import graph as g
    >>> rows = g.inputs(distance=float)
    >>> print(mermaid(g.Graph("g", g.call("models:/near/1", rows, fallback=0.5)).spec()))
    flowchart LR
      s0(["inputs<br/>distance"])
      s1["near<br/>models:/near/1<br/>0.5 where it fails"]
      s0 --> s1
      s1 --> answer((("answer")))
    """
    numbers = {step.name: f"s{place}" for place, step in enumerate(graph.steps)}
    lines = ["flowchart LR"]
    for step in graph.steps:
        left, right = _SHAPES[type(step)]
        words = "<br/>".join(_escaped(word) for word in _words(step, graph))
        lines.append(f'  {numbers[step.name]}{left}"{words}"{right}')
    for step in graph.steps:
        lines += [f"  {numbers[name]} {arrow} {numbers[step.name]}" for name, arrow in _arrows(step)]
    lines.append(f'  {numbers[graph.output]} --> answer((("answer")))')
    return "\n".join(lines)


_SHAPES: dict[type, tuple[str, str]] = {
    Inputs: ("([", "])"), Compute: ("[/", "/]"), Call: ("[", "]"), Combine: ("{{", "}}"), Switch: ("{", "}"), Score: ("[/", "/]"),
}  # fmt: skip
_MOST_WORDS = 6


def _words(step: Step, graph: GraphSpec) -> list[str]:
    match step:
        case Inputs(columns=columns):
            return [step.name, *_some(list(columns))]
        case Compute(columns=columns):
            return [step.name, *_some([f"{name} = {text}" for name, text in columns.items()])]
        case Call(constant=constant):
            resolved = graph.models.get(step.name)
            beside = [] if constant is None else [f"{constant:g} where it fails"]
            return [step.name, step.model if resolved is None else resolved.model, *beside]
        case Combine(how=how, weights=weights, missing=missing):
            shares = [f"{name}: {weight:g}" for name, weight in zip(step.of, weights, strict=True)] if weights else []
            return [step.name, *([how] if how != step.name else []), *_some(shares), *(["without what fails"] if missing == "skip" else [])]
        case Switch():
            return [step.name]
        case Score(expression=expression):
            return [step.name, expression]


def _some(words: list[str]) -> list[str]:
    return words if len(words) <= _MOST_WORDS else [*words[: _MOST_WORDS - 1], f"and {len(words) - _MOST_WORDS + 1} more"]


def _arrows(step: Step) -> list[tuple[str, str]]:
    match step:
        case Switch(on=on, cases=cases, otherwise=otherwise):
            named = [(name, f'-->|"{_escaped(condition)}"|') for condition, name in cases]
            return [*((name, "-->") for name in on), *named, (otherwise, '-->|"otherwise"|')]
        case Call(of=of, instead=instead) if instead is not None:
            return [*((name, "-->") for name in of), (instead, '-.->|"where it fails"|')]
    return [(name, "-->") for name in step.before]


def _escaped(text: str) -> str:
    """The text without what means something in Mermaid or HTML."""
    named = {"&": "&amp;", '"': "&quot;", "<": "&lt;", ">": "&gt;", "#": "&num;", "\n": " ", "`": "&#96;"}
    return "".join(named.get(letter, letter) for letter in text)
