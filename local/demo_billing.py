"""The demo of billing: an agency pays on the hosted page, meets a limit, takes a larger plan.

Through the public API and a real browser; the events come signed from the stand-in for Stripe.
"""

import asyncio
import sys
import time
from typing import Any

from playwright.async_api import Page, Route, async_playwright

from browser_worker.chromium import launch
from local import endpoints
from local.api_client import ApiClient, ApiError
from local.demo import PASSWORD, say
from local.processes import LocalCloudError
from local.settings import LocalSettings

_PATIENCE_SECONDS = 60
# Where the stage sends people back to. The front end is built elsewhere: its pages are ours here.
_FRONT_END = "http://localhost:3000"
_CREATOR = {"platform": "fan_platform", "display_name": "Billing demo"}


async def upgrade(found: dict[str, Any]) -> dict[str, float]:
    """Buy a plan and change it; returns how many seconds each took to count."""
    api = ApiClient(found["api_url"])
    try:
        _register(api)
        async with async_playwright() as playwright:
            browser = await launch(playwright)
            page = await browser.new_page()
            await play_front_end(page)
            seconds = {"starter": await buy(api, page, "starter")}
            _meet_the_limit(api)
            seconds["pro"] = await change_plan(api, page, "pro")
            await browser.close()
        _add_creator(api, "second")
        say("added a creator", "the limit of Pro is 5")
    finally:
        api.close()
    return seconds


def _register(api: ApiClient) -> None:
    account = api.post(
        "/api/auth/register",
        {
            "email": f"billing-{time.time_ns()}@huntaze.test",
            "password": PASSWORD,
            "name": "Billing demo",
            "workspace_name": "Paying agency",
        },
    )
    api.log_in_with(account["access_token"])


async def play_front_end(page: Page) -> None:
    """Answer where Stripe's pages send people back to."""

    async def answer(route: Route) -> None:
        await route.fulfill(body="<h1 id='back'>Welcome back</h1>", content_type="text/html")

    await page.route(f"{_FRONT_END}/**", answer)


async def buy(api: ApiClient, page: Page, plan: str) -> float:
    """Buy a plan by the month; returns after how many seconds it counted."""
    order = api.post("/api/billing/checkout", {"plan": plan, "interval": "month"})
    await page.goto(order["url"])
    await page.click("#decline")
    await page.wait_for_selector("#declined")
    await page.click("#pay")
    return await _wait_for(api, page, plan, "paid on the hosted page, after a declined card")


async def change_plan(api: ApiClient, page: Page, plan: str) -> float:
    """Change the plan in the customer portal; returns after how many seconds it counted."""
    await page.goto(api.post("/api/billing/portal")["url"])
    price = page.locator(f"option[data-lookup-key=huntaze_{plan}_month]")
    await page.select_option("#price", await price.get_attribute("value"))
    await page.click("#change-plan")
    return await _wait_for(api, page, plan, "changed in the customer portal")


async def _wait_for(api: ApiClient, page: Page, plan: str, how: str) -> float:
    started = time.monotonic()
    await page.wait_for_selector("#back")
    while (standing := api.get("/api/billing/subscription"))["plan"] != plan:
        if time.monotonic() - started > _PATIENCE_SECONDS:
            raise LocalCloudError(
                f"The plan is still {standing['plan']}, not {plan}: see the logs."
            )
        await asyncio.sleep(0.1)
    took = time.monotonic() - started
    say(f"plan {plan}", f"{how}; counted after {took:.1f} s")
    return took


def _meet_the_limit(api: ApiClient) -> None:
    _add_creator(api, "first")
    try:
        _add_creator(api, "second")
    except ApiError as refusal:
        if refusal.status != 402:
            raise
        say("refused with 402", str(refusal).partition(": ")[2])
    else:
        raise LocalCloudError("A second creator was added, although Starter includes one.")


def _add_creator(api: ApiClient, name: str) -> None:
    handle = f"billing-{name}-{time.time_ns()}"
    api.post("/api/management/creators", {**_CREATOR, "handle": handle})


def _cloud_with_stand_in() -> dict[str, Any]:
    found = endpoints.read(LocalSettings.from_environment().data_dir)
    if not found.get("stripe_url"):
        raise LocalCloudError("No local cloud with a stand-in for Stripe is up: `make run` first.")
    return found


def main() -> int:
    """Run it on the local cloud that is up; return 0 if the upgrade counted."""
    try:
        asyncio.run(upgrade(_cloud_with_stand_in()))
    except (LocalCloudError, ApiError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
