"""Planning a campaign, against a bare INSERT … SELECT of the very rows that it writes.

python -m bench.plan_campaign [--long] [--seed N]

Both run as the role ``app`` under row level security, in turns, into the same empty table with the
same indexes, keys and triggers. The yardstick has nothing to work out: audience, texts and hashes
lie ready in a table of its own; only a row's id is made by the ledger's default, as in any insert.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from uuid import UUID

from psycopg import sql

from bench.scratch import Scratch, scratch_database, seed_fans
from huntaze.db import Connection, Tenant
from huntaze.domain.outbound.planning import Authorship, CampaignPlan, Variant, plan_campaign
from huntaze.domain.outbound.texts import parse
from huntaze.ids import new_id

ENOUGH = 0.7
# Per row, a big campaign may take this much longer than a small one.
LINEAR = 1.5
ROUNDS = {1_000: 7, 10_000: 5, 100_000: 3, 1_000_000: 1}
NAMES = (
    *(
        "Anna",
        "Ben",
        "Chloé",
        "Žofie",
        None,
        "  Max ",
        "Marie-Claire",
        "J.R.",
        "Salvador",
        "Lena 🔥",
    ),
    *(
        "Mike",
        "Christopher",
        "",
        "Ольга",
        "陈伟",
        "Daddy",
        "john_smith",
        "Tina B",
        "Kevin",
        "Mr. Big",
    ),
)
TEXTS = ("Hey {display_name|love}, the new set is here 🔥", "{display_name|Hi}, look below 👇")


def plan_of(scratch: Scratch, campaign_id: UUID) -> CampaignPlan:
    """Two variants with a name in each, and a holdout."""
    return CampaignPlan(
        workspace_id=scratch.workspace_id,
        creator_id=scratch.creator_id,
        campaign_id=campaign_id,
        platform="onlyfans",
        rules=(sql.SQL("true"), {}),
        variants=[Variant(label, parse(text), 1) for label, text in zip("AB", TEXTS, strict=True)],
        authorship=Authorship("person", author_id=scratch.user_id),
        holdout_percent=5,
    )


def seed_names(connection: Connection) -> None:
    """Give the fans names as people have them, and leave some fans out."""
    connection.execute(
        "UPDATE fans SET display_name = CASE WHEN bucket %% 40 = 3 THEN 'telegram me'"
        " ELSE (%s::text[])[1 + bucket %% 20] END,"
        " consent = CASE WHEN bucket %% 50 = 0 THEN false END,"
        " blocked_at = CASE WHEN bucket %% 100 = 1 THEN now() END",
        (list(NAMES),),
    )
    connection.execute(
        "INSERT INTO suppressions (workspace_id, creator_id, platform_key, reason)"
        " SELECT workspace_id, creator_id, platform_key, 'stop_word' FROM fans"
        " WHERE bucket % 100 = 2"
    )


def campaign(tenant: Tenant, scratch: Scratch) -> UUID:
    """Add a campaign."""
    campaign_id = new_id()
    with tenant.transaction() as connection:
        connection.execute(
            "INSERT INTO campaigns (workspace_id, id, creator_id, name, status, variants,"
            " created_by) VALUES (%s, %s, %s, 'bench', 'scheduled', '[]', %s)",
            (scratch.workspace_id, campaign_id, scratch.creator_id, scratch.user_id),
        )
    return campaign_id


def timed(
    tenant: Tenant, superuser: Connection, work: Callable[[Connection], int]
) -> tuple[float, int]:
    """Seconds and rows of ``work`` in a transaction, into an empty ledger."""
    superuser.execute("TRUNCATE sends CASCADE")
    superuser.execute("CHECKPOINT")
    began = time.perf_counter()
    with tenant.transaction() as connection:
        rows = work(connection)
    return time.perf_counter() - began, rows


def measure(fans: int, seed: int) -> tuple[float, float]:
    """Seconds per thousand rows of the plan and of the yardstick."""
    with scratch_database() as scratch, scratch.connect(scratch.superuser) as superuser:
        seed_fans(scratch, fans, seed)
        seed_names(superuser)
        superuser.execute("VACUUM (ANALYZE, FULL) fans")
        tenant = scratch.tenant()
        campaign_id = campaign(tenant, scratch)
        with tenant.transaction() as connection:
            plan_campaign(connection, plan_of(scratch, campaign_id))
        superuser.execute("CREATE TABLE finished AS SELECT * FROM sends")
        superuser.execute("GRANT SELECT ON finished TO app")
        superuser.execute("ALTER TABLE finished DROP COLUMN id")
        superuser.execute("VACUUM ANALYZE finished")
        columns = sql.SQL(", ").join(
            sql.Identifier(column.name)
            for column in superuser.execute("SELECT * FROM finished LIMIT 0").description or ()
        )
        copy = sql.SQL("INSERT INTO sends ({0}) SELECT {0} FROM finished").format(columns)
        plans: list[float] = []
        bares: list[float] = []
        for _ in range(ROUNDS[fans]):
            seconds, planned = timed(
                tenant, superuser, lambda c: plan_campaign(c, plan_of(scratch, campaign_id))
            )
            plans.append(seconds)
            seconds, copied = timed(tenant, superuser, lambda c: c.execute(copy).rowcount)
            bares.append(seconds)
            assert planned == copied == fans
    plan, bare = statistics.median(plans), statistics.median(bares)
    print(
        f"  {fans:>9,} fans: plan {plan:7.2f} s ({fans / plan:8,.0f} rows/s),"
        f" bare {bare:7.2f} s ({fans / bare:8,.0f} rows/s), ratio {bare / plan:.2f}"
    )
    return plan * 1000 / fans, bare * 1000 / fans


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--long", action="store_true", help="1 k to 1 M fans instead of 100 k")
    parser.add_argument("--seed", type=int, default=20_261_121)
    options = parser.parse_args()
    sizes = sorted(ROUNDS) if options.long else [10_000, 100_000]
    print(f"seed {options.seed}")
    figures = {fans: measure(fans, options.seed) for fans in sizes}
    plan, bare = figures[100_000]
    ratio = bare / plan
    # From 10 k on: below, the fixed cost of a statement is most of it.
    per_row = [figures[fans][0] for fans in sizes if fans >= 10_000]
    growth = max(per_row) / min(per_row)
    print(f"  100 k fans at {ratio:.2f} of the yardstick's rate (bar: {ENOUGH})")
    print(f"  cost per row differs by {growth:.2f} between sizes (bar: {LINEAR})")
    return 0 if ratio >= ENOUGH and growth <= LINEAR else 1


if __name__ == "__main__":
    sys.exit(main())
