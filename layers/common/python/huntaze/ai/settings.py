"""Where the models, the breakers and the kept answers are."""

from huntaze.settings import DatabaseSettings


class AiSettings(DatabaseSettings):
    """The settings of a function that asks models.

    The secret holds a key for each provider that the stage may ask (``openai``, ``azure_openai``)
    and one that seals kept answers (``answers``).
    """

    ai_keys_secret_arn: str
    circuit_breakers_table: str
    ai_cache_table: str
    # Empty: where the package says.
    openai_base_url: str = ""
    azure_openai_endpoint: str = ""
    azure_openai_api_version: str = "2024-10-21"
