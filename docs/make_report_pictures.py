"""Pictures of the demo's report in a browser, for docs/report.md and the README. Run by `make docs-images`.

Needs the system's Chromium. Names of folders of this machine are not shown.
"""

import shutil
import sys
from pathlib import Path
from typing import Literal, get_args

import cv2
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from datasets.image_codec import encode_image

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
SIZES = {390: 1100, 1400: 1150}  # width -> height, px
QUALITY = 82
Scheme = Literal["light", "dark"]
WITHOUT_FOLDER = """folder => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) walker.currentNode.data = walker.currentNode.data.replaceAll(folder + "/", "");
}"""


def main(demo: Path, out: Path) -> None:
    """The top of the newest report at two widths, light and dark, its images beside each other, and one enlarged."""
    report = max((demo / "workspace" / "digits" / "runs").glob("*.html"))
    browser_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    if browser_path is None:
        sys.exit("no Chromium here; install the system's package chromium, run again")
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        for width, height in SIZES.items():
            for scheme in get_args(Scheme):
                page = _opened(browser, report, demo, width, height, scheme)
                _write(page.screenshot(), out / f"report-{width}-{scheme}.jpg")
        page = _opened(browser, report, demo, 1400, 800, "light")
        _write(page.locator("#samples").screenshot(), out / "report-samples.jpg")
        page.locator("#findings button.enlarge").first.click()
        _write(page.screenshot(), out / "report-enlarged.jpg")
        browser.close()


def _opened(browser: Browser, report: Path, demo: Path, width: int, height: int, scheme: Scheme) -> Page:
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(report.resolve().as_uri())
    page.evaluate(WITHOUT_FOLDER, str(demo.resolve().parent))
    return page


def _write(png: bytes, path: Path) -> None:
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
    path.write_bytes(encode_image(np.asarray(pixels, np.uint8), "jpeg", QUALITY))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
