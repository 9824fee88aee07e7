"""A writer that answers everything with something that fits."""

import json

from pydantic import BaseModel

from huntaze import ai
from huntaze.ai.schemas import response_format
from local.model_provider.words import Speaker
from tests.fakes.scripted_writer import ScriptedWriter


class WillingWriter:
    """Answers as the stand-in for models does, without a provider."""

    def generate[O: BaseModel](
        self, request: ai.Request, prompt: ai.Prompt, output: type[O]
    ) -> ai.Answer[O]:
        """Make something up that follows the schema."""
        schema = json.loads(response_format(output))["json_schema"]["schema"]
        said = output.model_validate_json(Speaker(prompt.suffix).answer(schema))
        return ScriptedWriter(said).generate(request, prompt, output)
