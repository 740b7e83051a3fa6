// Opens each page at both widths in both themes; usage: node look.cjs CHROMIUM PAGES PICTURES
const { chromium } = require("playwright-core");
const { pathToFileURL } = require("node:url");
const path = require("node:path");
const fs = require("node:fs");

const [browserPath, pages, pictures] = process.argv.slice(2);
const axe = fs.readFileSync(require.resolve("axe-core"), "utf8");
const wrong = [];
const check = (holds, what) => { if (!holds) wrong.push(what); };

async function look(browser, name, width, theme) {
  const context = await browser.newContext({
    viewport: { width, height: 900 }, colorScheme: theme, bypassCSP: true, reducedMotion: "reduce",
  });
  const page = await context.newPage();
  const at = `${name} at ${width} in ${theme}`;
  page.on("console", (message) => { if (message.type() === "error") wrong.push(`${at}: ${message.text()}`); });
  page.on("pageerror", (error) => wrong.push(`${at}: ${error}`));
  page.on("request", (request) => { if (!request.url().startsWith("file:")) wrong.push(`${at}: asks for ${request.url()}`); });
  await page.goto(pathToFileURL(path.join(pages, `${name}.html`)).href);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  check(wide <= width, `${at}: the page is ${wide} wide`);
  await page.evaluate(() => document.querySelectorAll("#entries > details")[0].setAttribute("open", ""));
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  for (const { id, nodes } of violations) wrong.push(`${at}: axe: ${id}: ${nodes.map((node) => node.target).slice(0, 3).join(" ")}`);
  await page.screenshot({ path: path.join(pictures, `${name}-${width}-${theme}.png`), fullPage: false });
  await context.close();
}

// The script, under the page's own policy: filters, keys, places, theme, paper.
async function use(browser, name) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.on("console", (message) => { if (message.type() === "error") wrong.push(`${name}: ${message.text()}`); });
  const address = pathToFileURL(path.join(pages, `${name}.html`)).href;
  await page.goto(address);
  const roots = page.locator("#entries > [data-item]");
  const visible = () => roots.evaluateAll((items) => items.filter((item) => !item.hidden).length);
  const all = await visible();
  check(all > 0, `${name}: there are entries`);
  await page.keyboard.press("/");
  await page.keyboard.type("no such text anywhere");
  check(await visible() === 0, `${name}: the filter hides what does not match`);
  check((await page.locator("#found").textContent()).startsWith("0 of"), `${name}: it says so`);
  await page.keyboard.press("Escape");
  await page.reload();
  check(await visible() === 0, `${name}: the filter stands in the address`);
  await page.goto("about:blank");
  await page.goto(address);
  await page.keyboard.press("j");
  check(await page.locator("#entries > .current").count() === 1, `${name}: j goes to an entry`);
  await page.keyboard.press("e");
  await page.keyboard.press("t");
  const theme = await page.evaluate(() => document.documentElement.dataset.theme);
  check(theme === "dark", `${name}: t turns the theme, it is ${theme}`);
  await page.goto("about:blank");
  await page.goto(`${address}#case-1`);
  check(await page.locator("#case-1").evaluate((item) => item.open), `${name}: a link to a case opens it`);
  const box = page.locator("#filter input[name=word]").first();
  if (await box.count()) {
    const word = await box.getAttribute("value");
    await box.check();
    const others = await roots.evaluateAll((items, word) => items.filter((item) => !item.hidden && item.dataset.word !== word
      && ![...item.querySelectorAll("[data-item]")].some((below) => below.dataset.word === word)).length, word);
    check(others === 0, `${name}: only ${word} is left`);
  }
  await page.emulateMedia({ media: "print" });
  check(!(await page.locator("#filter").isVisible()), `${name}: paper has no filter`);
  await page.close();
}

(async () => {
  const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });
  fs.mkdirSync(pictures, { recursive: true });
  for (const name of ["check", "compare", "faults"]) {
    await use(browser, name);
    for (const width of [390, 1440]) for (const theme of ["light", "dark"]) await look(browser, name, width, theme);
    const plain = await browser.newContext({ javaScriptEnabled: false });
    const page = await plain.newPage();
    await page.goto(pathToFileURL(path.join(pages, `${name}.html`)).href);
    check((await page.locator("main").innerText()).length > 200, `${name}: it reads without a script`);
    check(!(await page.locator("#filter").isVisible()), `${name}: a filter that cannot work is not there`);
    await plain.close();
  }
  await browser.close();
  wrong.forEach((line) => console.error(line));
  console.log(wrong.length ? `${wrong.length} things are wrong` : "every page holds");
  process.exitCode = wrong.length ? 1 : 0;
})();
