"""A million fans as an agency has them: names that repeat, handles made of names, some accents.

What is searched and counted in the load test must not be random letters: those have no neighbours.
"""

from bench.scratch import Names, Scratch, seed_fans

FIRST = """
    Anna Emma Mia Sophia Lena Laura Julia Chloé Zoë Inès Christina Kristina Cristina Katharina
    Maria Marie Camille Léa Manon José Carlos Miguel Andrés Søren Björn Jürgen Lukas Max Michael
    Christopher Daniel David James John Robert William Thomas Charles Kevin Brian Ryan Tyler
    Mike Steve Dave Matt Nick Alex Sasha Ольга Иван Алексей Kaito Haruto Yuki Wei Mohammed
    Fatima Aisha Omar Ali Priya Rahul Arjun Sofía Lucía Valentina Isabella Olivia Ava Charlotte
""".split()  # noqa: SIM905  (a hundred quotes would hide the names)
LAST = """
    Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Dubois Martin Bernard Petit Durand
    Leroy Moreau García Rodríguez González Fernández López Martínez Sánchez Smith Johnson
    Williams Brown Jones Miller Davis Wilson Anderson Taylor Moore Jackson White Harris Clark
    Lewis Robinson Walker Young Allen King Wright Scott Hill Green Adams Nelson Baker Campbell
    Mitchell Roberts Carter Phillips Evans Turner Parker Collins Edwards Stewart Flores Morris
    Иванов Смирнова Nakamura Tanaka Chen Wang Patel Singh Khan Ahmed
""".split()  # noqa: SIM905


# Popular names are first in their lists and are drawn more often.
_FIRST = "(%(first)s::text[])[1 + floor(power(hashint4(n) & 4095, 2) / 16777216 * %(firsts)s)::int]"
_LAST = "(%(last)s::text[])[1 + floor(power(hashint4(-n) & 4095, 2) / 16777216 * %(lasts)s)::int]"
_NAMES = Names(
    handle=f"lower({_FIRST}) || CASE n %% 3 WHEN 0 THEN '_' || lower({_LAST}) || n / 3 %% 100"
    " WHEN 1 THEN (hashint4(n + 7) & 16383)::text ELSE substr(md5(n::text || %(seed)s), 1, 4) END",
    display_name=f"CASE WHEN n %% 20 = 1 THEN NULL WHEN n %% 5 = 2 THEN {_FIRST}"
    f" ELSE {_FIRST} || ' ' || {_LAST} END",
    email="CASE WHEN n %% 2 = 0 THEN 'p' || n || '@example.com' END",
    parameters={"first": FIRST, "firsts": len(FIRST), "last": LAST, "lasts": len(LAST)},
)


def seed_people(scratch: Scratch, count: int, seed: int) -> None:
    """Fill the tables with fans who are called as people are."""
    seed_fans(scratch, count, seed, _NAMES)
