/**
 * A small strict reader of XML for tests: elements, attributes and text as a build server's parser would see them.
 *
 * It throws on everything that is not well-formed in the part of XML that reports use: unclosed or crossing tags, raw "<" or
 * "&", unknown entities, attributes twice, characters that XML 1.0 cannot hold.
 */

/** An element with what stands in it. */
export type XmlElement = {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlElement[];
  readonly text: string;
};
type Open = { name: string; attributes: Record<string, string>; children: XmlElement[]; text: string };

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** The root element of a document, in a list of one. Throws where it is not well-formed. */
export function parseXml(document: string): readonly XmlElement[] {
  // oxlint-disable-next-line no-control-regex
  const bad = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.exec(document);
  if (bad !== null) throw new Error(`a character that XML cannot hold at ${bad.index}`);
  const body = document.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\s*/, "");
  const root: Open = { name: "", attributes: {}, children: [], text: "" };
  const stack = [root];
  let at = 0;
  for (const match of body.matchAll(/<(\/?)([A-Za-z][\w.-]*)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>/g)) {
    const [tag, closing, name = "", attributes = "", empty] = match;
    (stack.at(-1) ?? root).text += toText(body.slice(at, match.index));
    at = match.index + tag.length;
    if (closing === "/") {
      const ended = stack.pop();
      if (ended === undefined || ended.name !== name) throw new Error(`</${name}> closes nothing that is open`);
      continue;
    }
    const element: Open = { name, attributes: toAttributes(attributes), children: [], text: "" };
    stack.at(-1)?.children.push(element);
    if (empty !== "/") stack.push(element);
  }
  if (toText(body.slice(at)).trim() !== "" || stack.length !== 1) throw new Error("an element is not closed");
  if (root.children.length !== 1 || root.text.trim() !== "") throw new Error("a document has one root element");
  return root.children;
}

function toAttributes(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([\w:.-]+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, toText(value)]);
  if (new Set(pairs.map(([name]) => name)).size !== pairs.length) throw new Error(`an attribute stands twice: ${text}`);
  return Object.fromEntries(pairs);
}

function toText(raw: string): string {
  if (raw.includes("<") || raw.includes("]]>")) throw new Error(`markup in a text: ${raw}`);
  return raw.replace(/&([^;]*;?)/g, (whole, name: string) => {
    const known = ENTITIES[name.replace(/;$/, "")];
    if (known === undefined || !name.endsWith(";")) throw new Error(`no entity: ${whole}`);
    return known;
  });
}
