"""Names for runs and models that were given none: easy to say, and hard to mix up."""

from __future__ import annotations

from flyball.core.rand import Random

ADJECTIVES = (
    "able", "agile", "amber", "apt", "balmy", "blithe", "bold", "brave", "breezy", "bright", "brisk", "bronze", "calm", "candid", "careful",
    "cheery", "clear", "clever", "copper", "coral", "cosy", "crisp", "curious", "daring", "deft", "dusky", "eager", "early", "earnest",
    "easy", "fair", "fleet", "fond", "frank", "fresh", "gentle", "gilded", "glad", "golden", "grand", "hale", "handy", "hardy", "hazel",
    "honest", "humble", "jolly", "keen", "kind", "lively", "lucid", "lucky", "mellow", "merry", "mild", "misty", "modest", "neat", "nimble",
    "noble", "olive", "patient", "placid", "plucky", "polite", "prompt", "proud", "quick", "quiet", "rapid", "ready", "robust", "rosy",
    "rustic", "sage", "serene", "sharp", "silver", "smooth", "snug", "sober", "spry", "steady", "stout", "sunny", "swift", "tidy", "tender",
    "tranquil", "trim", "upbeat", "valiant", "vivid", "warm", "wily", "wise", "witty", "zesty",
)  # fmt: skip
NOUNS = (
    "acorn", "albatross", "alder", "anchor", "anvil", "aspen", "badger", "beacon", "beech", "birch", "bobbin", "brook", "cedar", "chisel",
    "cobalt", "comet", "compass", "condor", "cove", "crane", "crank", "curlew", "cypress", "dale", "delta", "dune", "ember", "falcon",
    "fern", "finch", "fjord", "flywheel", "forge", "fox", "garnet", "gasket", "glacier", "glen", "governor", "grove", "gull", "harbor",
    "hare", "hawk", "heath", "heron", "hinge", "inlet", "island", "ivy", "jasper", "juniper", "kestrel", "lagoon", "lantern", "larch",
    "lark", "lever", "linden", "lynx", "maple", "marten", "meadow", "mesa", "moor", "moss", "nebula", "needle", "oak", "oriole", "osprey",
    "otter", "owl", "pebble", "pendulum", "pine", "piston", "plover", "prairie", "pulley", "quartz", "quill", "raven", "reef", "ridge",
    "river", "robin", "rowan", "rudder", "sable", "sparrow", "spindle", "spring", "spruce", "stork", "summit", "swallow", "thistle",
    "thrush", "tide", "topaz", "tundra", "turbine", "valve", "vale", "walnut", "willow", "wren", "yarrow",
)  # fmt: skip


def random_name(random: Random, of: str) -> str:
    """The same name for the same seed and thing; one of about ten million.

    >>> from flyball.core.rand import SeededRandom
    >>> random_name(SeededRandom(0), "run-1") == random_name(SeededRandom(0), "run-1")
    True
    """
    drawn = random.seed("name", of)
    drawn, adjective = divmod(drawn, len(ADJECTIVES))
    drawn, noun = divmod(drawn, len(NOUNS))
    return f"{ADJECTIVES[adjective]}-{NOUNS[noun]}-{drawn % 1000}"
