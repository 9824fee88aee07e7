"""What is remembered of fans, and how a creator's style is learned."""

import pytest

from huntaze.ai import agents
from huntaze.domain import ai_configs
from huntaze.ids import new_id

FACT = {"name": "pet", "text": "Has a dog called Rex.", "message": 1}


@pytest.fixture
def context(scene):
    """Read or change what is known of the fan of a conversation."""

    def ask(event, changes=None, **who):
        path = f"/conversations/{event['detail']['aggregate_id']}/context"
        answer = scene.ask("GET" if changes is None else "PATCH", path, changes, **who)
        assert answer.status == 200, answer.body
        return answer.body

    return ask


def test_what_a_model_reads_is_kept_with_its_message(scene, context):
    scene.activate()
    scene.writer.reading = {"facts": [FACT], "memory": "They speak of dogs.", "urgency": 2}
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "I have a dog, Rex")
    scene.hear(event)
    known = context(event)
    assert (known["summary"], known["summary_by"]) == ("They speak of dogs.", None)
    assert (known["sentiment"], known["intent"], known["urgency"]) == ("positive", "small_talk", 2)
    (fact,) = known["facts"]
    assert (fact["text"], fact["written_by"]) == (FACT["text"], None)
    assert fact["message_id"] == event["detail"]["payload"]["message_id"]
    (listed,) = scene.ask("GET", "/conversations").body["items"]
    assert (listed["gist"], listed["draft_id"]) == ("The fan chats.", scene.drafts()[0]["id"])


@pytest.mark.parametrize("number", [0, 2, 99, -1])
def test_a_fact_without_a_message_of_the_fans_is_none(scene, context, number):
    scene.activate()
    scene.writer.reading = {"facts": [{**FACT, "message": number}]}
    _, platform_id = scene.fan()
    scene.wrote(platform_id, "Hello")
    scene.wrote(platform_id, "You have a dog, I guess", own=True)
    event = scene.wrote(platform_id, "Maybe")
    scene.hear(event)
    assert context(event)["facts"] == []


def test_no_model_writes_over_what_a_person_knows(scene, context):
    scene.activate()
    scene.writer.reading = {"facts": [FACT, {**FACT, "name": "job"}], "memory": "A model's."}
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "I have a dog")
    scene.hear(event)
    changes = {"summary": "A person's.", "facts": {"pet": "It is a cat.", "job": None}}
    changed = context(event, changes, role="chatter")
    assert changed["summary_by"] == str(scene.desk.user_id)
    scene.wrote(platform_id, "Nice", own=True)
    scene.hear(scene.wrote(platform_id, "The dog, again"))
    known = context(event)
    assert known["summary"] == "A person's."
    assert [(fact["name"], fact["text"]) for fact in known["facts"]] == [("pet", "It is a cat.")]
    assert context(event, {"summary": None})["summary_by"] is None


def test_a_prompt_tells_of_one_fan_alone(scene):
    scene.activate()
    scene.writer.reading = {"facts": [{**FACT, "text": "Keeps herons."}], "memory": "Herons."}
    (_, one), (_, other) = scene.fan(), scene.fan()
    scene.hear(scene.wrote(one, "I keep herons"))
    asked = len(scene.writer.asked)
    scene.hear(scene.wrote(other, "Hello"))
    told = "".join(prompt.prefix + prompt.suffix for _, prompt in scene.writer.asked[asked:])
    assert "herons" not in told.casefold()


# Styles


@pytest.fixture
def spoken(scene):
    """Let the creator have written to five fans."""

    def speak(*texts: str, **send: object) -> None:
        for number in range(5):
            name = f"Zora{'abcde'[number]}"
            fan_id, platform_id = scene.fan(display_name=name)
            for text in texts:
                event = scene.wrote(
                    platform_id, text.format(name=f"Zora{'abcde'[number]}"), own=True
                )
                if send:
                    send_id = scene.desk.send(fan_id, text=text, **send)
                    scene.sql(
                        "UPDATE messages SET send_id = %s WHERE id = %s",
                        send_id,
                        event["detail"]["payload"]["message_id"],
                    )

    return speak


TEXTS = [f"Morning you! Tell me more about {word} \U0001f60d" for word in ("tea", "rain", "jazz")]
OWN = (*TEXTS, "Morning you! How was it?", "Hello {name}, my dear", "so good!", "Sleep tight, ok?")


def test_a_style_is_counted_used_shown_and_taken_back(scene, spoken):
    spoken(*OWN)
    trained = scene.ask("POST", "/train", {})
    assert trained.status == 201, trained.body
    style = trained.body["style"]
    assert (trained.body["version"], trained.body["in_use"]) == (1, True)
    assert trained.body["figures"]["messages"] == 35
    assert "Morning you!" in style["phrases"]
    assert style["favourite_emoji"] == ["\U0001f60d"]
    # A sentence that names a fan is quoted nowhere.
    assert "Zora" not in str(style)
    with scene.desk.app.transaction() as connection:
        voice = ai_configs.voice_of(connection, scene.desk.creator_id)
    prefix = agents.prefix_of(agents.CHAT, voice)
    assert "Morning you!" in prefix
    assert prefix == agents.prefix_of(agents.CHAT, voice)
    scene.ask("POST", "/train", {})
    back = scene.ask("POST", "/style/revert", {"version": 1})
    assert [(one["version"], one["in_use"]) for one in back.body["items"]] == [
        (2, False),
        (1, True),
    ]
    none = scene.ask("POST", "/style/revert", {"version": None})
    assert not any(one["in_use"] for one in none.body["items"])
    assert scene.ask("POST", "/style/revert", {"version": 9}).status == 404


@pytest.mark.parametrize("written_by", ["ai", "template"])
def test_what_no_person_wrote_teaches_nothing(scene, spoken, written_by):
    spoken(*OWN, written_by=written_by, priority=1)
    refused = scene.ask("POST", "/train", {})
    assert (refused.status, refused.body["error"]) == (409, "TooFewMessages")


def test_another_creators_messages_teach_nothing(scene, spoken):
    spoken(*OWN)
    other = new_id()
    scene.sql(
        "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
        " VALUES (%s, %s, 'fan_platform', 'other', 'Other')",
        scene.desk.workspace_id,
        other,
    )
    refused = scene.ask("POST", "/train", {"creator_id": str(other)})
    assert (refused.status, refused.body["error"]) == (409, "TooFewMessages")


def test_what_a_model_may_have_written_teaches_nothing(scene, spoken):
    """Of an unknown send nobody knows whether what the page shows is it."""
    for text in OWN:
        spoken(text)
    scene.sql(
        "INSERT INTO sends (workspace_id, creator_id, fan_id, state, priority, text, text_hash,"
        " written_by, granted_at, submit_until, readable_at)"
        " SELECT workspace_id, creator_id, fan_id, 'unknown', 1, 'other words', 'h', 'ai',"
        " min(sent_at), min(sent_at), min(sent_at) FROM messages GROUP BY 1, 2, 3"
    )
    refused = scene.ask("POST", "/train", {})
    assert (refused.status, refused.body["error"]) == (409, "TooFewMessages")


def test_the_longest_thread_fits_into_a_prompt(scene):
    scene.activate()
    _, platform_id = scene.fan()
    for _ in range(19):
        scene.wrote(platform_id, "na " * 6000, own=True)
    scene.hear(scene.wrote(platform_id, "Good night"))
    assert len(scene.drafts()) == 1
    assert all(len(prompt.suffix) < 60_000 for _, prompt in scene.writer.asked)


def test_what_is_known_of_a_fan_has_an_end(scene, context):
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Good night")
    path = f"/conversations/{event['detail']['aggregate_id']}/context"
    names = [f"a{chr(97 + one // 26)}{chr(97 + one % 26)}" for one in range(210)]
    for start in range(0, 200, 50):
        facts = dict.fromkeys(names[start : start + 50], "So it is.")
        assert scene.ask("PATCH", path, {"facts": facts}).status == 200
    refused = scene.ask("PATCH", path, {"facts": {names[200]: "One more."}})
    assert (refused.status, refused.body["error"]) == (409, "TooManyFacts")
    # What is there may be changed.
    assert scene.ask("PATCH", path, {"facts": {names[0]: "Otherwise."}}).status == 200
    scene.writer.reading = {"facts": [{"name": "pet", "text": "A cat", "message": 1}]}
    scene.hear(event)
    assert "pet" not in {fact["name"] for fact in context(event)["facts"]}
    (asked, *_) = (prompt.suffix for _, prompt in scene.writer.asked)
    assert asked.count("So it is.") < 100
