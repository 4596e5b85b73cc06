"""The page in a real browser, opened from disk: silent, offline, sortable, dark, printable, and deaf to injections."""

import base64
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from payloads import PAYLOADS
from sampled_results import TUNING, TUTORIAL, sample, two_conditions

from sweep.comparison.replicate_sets import Side
from sweep.comparison.several import compare_several
from sweep.foreign import harmless
from sweep.reporting.page import write_report
from sweep.reporting.several import several_html
from sweep.reporting.together import write_reports

webdriver = pytest.importorskip("selenium.webdriver")
BROWSER, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromium-driver (Debian's packages)"),
]


class Browser:
    """Chromium without a window, and what it said and asked for since it last opened a page."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = str(BROWSER)
        for switch in ("headless=new", "no-sandbox", "disable-gpu", "no-first-run", "disable-dev-shm-usage"):
            options.add_argument(f"--{switch}")
        options.add_argument("--disable-background-networking")
        options.add_argument("--disable-component-update")
        options.add_argument("--disable-sync")
        options.add_argument("--force-prefers-reduced-motion")  # no gliding to what is clicked
        options.add_argument(f"--user-data-dir={profile}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))

    def open(self, page: Path) -> None:
        for log in ("browser", "performance"):
            self.driver.get_log(log)
        self.driver.get(page.as_uri())

    def said(self) -> list[str]:
        """What the page wrote to the console, a policy's refusals among it."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def asked_for(self) -> list[str]:
        """Every address that was requested."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def emulate(self, command: str, **values: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, values)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.driver.quit()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every part: two conditions, a search, importances, tables to sort."""
    raw = TUNING | {"conditions": {"sequence_length": [4, 5]}, "study": {"trials": 12, "seeds": 3}}
    return write_report(sample(tmp_path_factory.mktemp("results") / "tuning", raw))


@pytest.fixture
def opened(browser: Browser, page: Path) -> Iterator[Browser]:
    browser.open(page)
    yield browser
    browser.emulate("Emulation.setEmulatedMedia", media="", features=[])
    browser.emulate("Emulation.clearDeviceMetricsOverride")


BACKGROUND = "return getComputedStyle(document.body).backgroundColor"
INK = "return getComputedStyle(document.querySelector('figure svg text')).fill"


TABLE = '[aria-label="Table: Accuracy"] table.sortable'
UNFOLD = "for (const part of document.querySelectorAll('details')) part.open = true"
FOLDED = "return [...document.querySelectorAll('details:not([open])')].length"


def cells(browser: Browser, heading: str) -> list[float]:
    """The numbers of a column of the accuracy table, as they stand."""
    script = """
        const table = document.querySelector(arguments[1]);
        const heads = [...table.tHead.rows[0].cells].map((cell) => cell.innerText.trim());
        const column = heads.findIndex((text) => text.startsWith(arguments[0]));
        return [...table.tBodies[0].rows].map((row) => row.cells[column].dataset.value);
    """
    return [float(value) for value in browser.run(script, heading, TABLE)]


def click_heading(browser: Browser, heading: str) -> str:
    """Sort the accuracy table by a column; how it says that it is sorted now."""
    for head in browser.driver.find_elements("css selector", f"{TABLE} th"):
        if head.text.startswith(heading):
            head.find_element("tag name", "button").click()
            return head.get_attribute("aria-sort")
    raise AssertionError(heading)


def test_a_page_opened_from_disk_says_nothing_and_asks_for_nothing_else(opened: Browser, page: Path) -> None:
    opened.run("window.scrollTo(0, document.body.scrollHeight)")
    assert opened.said() == []
    assert opened.asked_for() == [page.as_uri()]
    assert "figure" in opened.run("return document.querySelector('figure').outerHTML")


def test_a_click_sorts_a_table_by_number_and_another_turns_it_round(opened: Browser) -> None:
    opened.run(UNFOLD)
    before = cells(opened, "loss")
    assert before != sorted(before)
    assert click_heading(opened, "loss") == "ascending"
    assert cells(opened, "loss") == sorted(before)
    assert click_heading(opened, "loss") == "descending"
    assert cells(opened, "loss") == sorted(before, reverse=True)
    assert click_heading(opened, "trial") == "ascending"
    assert cells(opened, "trial") == sorted(cells(opened, "trial"))
    assert opened.said() == []


def test_what_is_not_the_answer_is_folded_until_somebody_asks_for_it_or_prints(opened: Browser) -> None:
    opened.emulate("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)
    assert opened.run("return document.documentElement.scrollHeight") <= 3 * 900
    folded = opened.run(FOLDED)
    assert folded > 5
    assert not opened.driver.find_element("css selector", TABLE).is_displayed()
    opened.driver.find_element("link text", "Accuracy").click()
    assert opened.driver.find_element("css selector", TABLE).is_displayed()
    assert opened.run(FOLDED) == folded - 1
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert opened.run(FOLDED) == 0
    opened.run("dispatchEvent(new Event('afterprint'))")
    assert opened.run(FOLDED) == folded - 1
    assert opened.said() == []


def test_every_landmark_has_a_name_of_its_own_and_nothing_lies_outside_of_one(opened: Browser) -> None:
    names = opened.run(
        "return [...document.querySelectorAll('section, [role=region], nav')].map((e) => e.getAttribute('aria-label') "
        "?? document.getElementById(e.getAttribute('aria-labelledby')).textContent)"
    )
    assert len(names) == len(set(names)) > 8
    assert set(opened.run("return [...document.body.children].map((e) => e.tagName)")) == {
        *("HEADER", "MAIN", "FOOTER", "SCRIPT")
    }


def test_the_button_switches_to_dark_and_the_figures_follow(opened: Browser) -> None:
    opened.emulate("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    light, light_ink = opened.run(BACKGROUND), opened.run(INK)
    button = opened.driver.find_element("id", "theme")
    for _ in range(3):
        if button.text == "Dark":
            break
        button.click()
    assert button.text == "Dark"
    dark, dark_ink = opened.run(BACKGROUND), opened.run(INK)
    assert brightness(light) > 200 > 60 > brightness(dark)
    assert brightness(light_ink) < 60 < 200 < brightness(dark_ink)
    opened.emulate("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    button.click()  # automatic: as the system is
    assert opened.run(BACKGROUND) == dark
    assert opened.said() == []


def test_on_paper_it_is_light_whole_and_without_controls(opened: Browser) -> None:
    opened.emulate("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    pdf = base64.b64decode(opened.driver.print_page())
    assert pdf.startswith(b"%PDF-")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 20
    opened.emulate("Emulation.setEmulatedMedia", media="print", features=[])
    assert brightness(opened.run(BACKGROUND)) == 255
    hidden = "return [...document.querySelectorAll('nav, #theme')].map((e) => getComputedStyle(e).display)"
    assert set(opened.run(hidden)) == {"none"}


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_a_narrow_or_a_wide_screen(opened: Browser, width: int) -> None:
    opened.emulate(
        "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
    )
    assert opened.run("return document.documentElement.scrollWidth") <= width
    wide = "return [...document.querySelectorAll('.wide')].filter((e) => e.scrollWidth > e.clientWidth).length"
    assert (opened.run(wide) > 0) == (width == 390) or width == 1280  # tables scroll by themselves


def test_a_page_over_several_experiments_says_nothing_and_asks_for_nothing_else(
    browser: Browser, tmp_path: Path
) -> None:
    small = sample(tmp_path / "small", TUTORIAL | {"study": {"seeds": 4}})
    both = write_reports(tmp_path, [small, two_conditions(tmp_path / "lengths", study={"seeds": 3})])
    browser.open(both)
    browser.driver.find_element("link text", "lengths").click()
    assert browser.run("return document.getElementById('lengths').getBoundingClientRect().top") < 200
    assert browser.said() == []
    assert browser.asked_for() == [both.as_uri()]


def test_a_page_that_compares_three_says_nothing_asks_for_nothing_else_and_fits(
    browser: Browser, tmp_path: Path
) -> None:
    sides = [Side(name, two_conditions(tmp_path / name)) for name in ("one", "<b>two</b>", "three")]
    page = tmp_path / "three.html"
    page.write_text(several_html(compare_several(sides, ("solve_rate", "sequences_to_solve"))))
    browser.open(page)
    assert browser.said() == []
    assert browser.asked_for() == [page.as_uri()]
    assert "B  <b>two</b>" in browser.run("return document.querySelector('#solve-rate + .wide').textContent")
    assert browser.run("return document.querySelectorAll('main b').length") == 0
    for width in (390, 1280):
        browser.emulate(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
        )
        assert browser.run("return document.documentElement.scrollWidth") <= width
    browser.emulate("Emulation.clearDeviceMetricsOverride")


@pytest.mark.parametrize("first", range(0, len(PAYLOADS), 20))
def test_of_a_hundred_injections_none_runs(browser: Browser, tmp_path: Path, first: int) -> None:
    """Each text stands in the question, the symbols, a condition, the errors, the command and the environment."""
    payloads = PAYLOADS[first : first + 20]
    assert len(set(PAYLOADS)) == 100
    browser.open(write_report(attacked(tmp_path / "attacked", payloads)))
    shown = browser.run("return document.querySelector('h1').textContent")
    assert shown == harmless(" ".join(" ".join(payloads).split()))  # a question is one line
    text = browser.run("return document.body.textContent")
    for payload in payloads:
        assert text.count(payload) >= 2, payload
        assert harmless("".join(payload.split())) in text
    browser.run("for (const button of document.querySelectorAll('button')) button.click()")
    browser.run("for (const e of document.querySelectorAll('*')) e.dispatchEvent(new MouseEvent('mouseover'))")
    assert browser.run("return self.pwned === undefined")
    assert browser.run("return document.scripts.length") == 1
    assert browser.run("return document.querySelectorAll('img, iframe, object, embed, form, input, base').length") == 0
    assert browser.said() == []
    assert [url for url in browser.asked_for() if url != browser.driver.current_url] == []


def attacked(path: Path, payloads: list[str]) -> Any:
    """Results with the payloads wherever a user's text can get: real names are checked, the rest is theirs."""
    symbols = [harmless("".join(payload.split())) for payload in payloads]  # others are refused
    cases = [[[symbol, "b", symbol] for symbol in half] for half in (symbols[:10], symbols[10:])]
    raw: dict[str, Any] = {
        "question": " ".join(payloads),
        "task": {"name": "explicit", "sequences": cases[0]},
        "conditions": {"sequences": cases},
        "search": {"units": {"choices": list(range(1, 21))}},
        "training": {"epochs": 2},
        "study": {"sampler": "grid", "seeds": 2},
    }
    results = sample(path, raw, state=lambda trial: "failed" if trial % 20 < 10 else "complete")
    trials = results.trials.copy()
    errors = iter(payloads)
    trials["error"] = [f"ValueError: {next(errors)}" if state == "failed" else None for state in trials["state"]]
    hostile = {"command": ["sweep", "run", *payloads], "device": payloads[0], "commit": payloads[1]}
    hostile["versions"] = {payload: payload for payload in payloads}
    return replace(results, trials=trials, manifest=results.manifest | hostile)


def brightness(colour: str) -> float:
    """Of `rgb(r, g, b)`, from 0 to 255."""
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3
