"""What tokens cost: whole billionths of a US dollar, never a fraction."""

from huntaze.ai.catalogue import Prices
from huntaze.ai.models import Prompt, Usage

NANOS_PER_CENT = 10_000_000
NANOS_PER_MICRO = 1000

# What a provider puts around messages and a schema; a few are in use, a hundred are no harm.
_FRAMING_TOKENS = 100

# From how many tokens on providers keep a prefix.
CACHEABLE_TOKENS = 1024


def cost(usage: Usage, prices: Prices) -> int:
    """What a call costs, in billionths of a US dollar."""
    plain = usage.input_tokens - usage.cached_tokens - usage.written_tokens
    return (
        plain * prices.input
        + usage.cached_tokens * _or_input(prices.cached_input, prices)
        + usage.written_tokens * _or_input(prices.cache_write, prices)
        + usage.output_tokens * prices.output
    )


def worst_case(input_tokens: int, output_tokens: int, prices: Prices) -> int:
    """What a call costs at most: everything at the dearest price of its kind."""
    dearest = max(
        prices.input, _or_input(prices.cached_input, prices), _or_input(prices.cache_write, prices)
    )
    return input_tokens * dearest + output_tokens * prices.output


def most_input_tokens(prompt: Prompt, schema: str) -> int:
    """More tokens than any tokenizer makes of a prompt: none is shorter than a byte."""
    words = (prompt.prefix, prompt.suffix, schema)
    return sum(len(text.encode()) for text in words) + _FRAMING_TOKENS


def is_cacheable(prefix: str) -> bool:
    """Whether a prefix is surely long enough to be kept by providers.

    Tokenizers never join two words that white space separates, so there are at least as many
    tokens as words.
    """
    return len(prefix.split()) >= CACHEABLE_TOKENS


def _or_input(price: int | None, prices: Prices) -> int:
    return prices.input if price is None else price
