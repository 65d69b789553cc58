import { expect, it } from "vitest";
import { consolePages } from "@/test/support/pages";
import { isIn, PLACES } from "./navigation";

/** What is in the menu of the person, and in no place of the navigation. */
const OWN = ["/profile"];

it("every place of the navigation is a page, and every page is in a place", () => {
  const pages = consolePages();

  expect(pages).toEqual(expect.arrayContaining(["/", "/instances/[id]/keks"]));
  expect(PLACES.filter(({ href }) => !pages.includes(href))).toEqual([]);
  expect(pages.filter((page) => !PLACES.some((place) => isIn(place, page)))).toEqual(OWN);
});
