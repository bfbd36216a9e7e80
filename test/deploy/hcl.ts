/**
 * Terraform files for tests, as far as their structure goes: blocks, attributes with the text of their expressions, and what
 * those refer to. It works out no expression; the templates that the module fills are filled here with given values.
 *
 * Syntax: https://developer.hashicorp.com/terraform/language/syntax/configuration
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A block: its type, labels, attributes by name, and the blocks in it. */
export type Block = {
  readonly type: string;
  readonly labels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly blocks: readonly Block[];
};

/** All blocks of the files of a module's folder. Throws where a bracket or a text does not end. */
export function readModule(folder: string): readonly Block[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".tf"));
  return files.flatMap((name) => parseBody(readFileSync(join(folder, name), "utf8"), name).blocks);
}

const OPEN = "([{";
const CLOSE = ")]}";

/** Where the text that begins at `from` ends, with what is put into it by ${…}. */
function endOfText(source: string, from: number): number {
  let at = from + 1;
  while (at < source.length && source[at] !== '"') {
    if (source[at] === "\\") at += 2;
    else if (source.startsWith("${", at)) at = endOfBrackets(source, at + 1);
    else at += 1;
  }
  if (at >= source.length) throw new Error(`a text does not end: ${source.slice(from, from + 40)}`);
  return at + 1;
}

/** Where the bracket that opens at `from` is closed. */
function endOfBrackets(source: string, from: number): number {
  const wanted: string[] = [];
  for (let at = from; at < source.length;) {
    const letter = source[at] ?? "";
    if (letter === '"') at = endOfText(source, at);
    else if (letter === "#") at = endOfLine(source, at);
    else {
      if (OPEN.includes(letter)) wanted.push(CLOSE[OPEN.indexOf(letter)] ?? "");
      else if (CLOSE.includes(letter) && wanted.pop() !== letter) break;
      at += 1;
      if (wanted.length === 0) return at;
    }
  }
  throw new Error(`a bracket does not end: ${source.slice(from, from + 40)}`);
}

function endOfLine(source: string, from: number): number {
  const at = source.indexOf("\n", from);
  return at < 0 ? source.length : at;
}

function endOfExpression(source: string, from: number): number {
  let at = from;
  while (at < source.length && source[at] !== "\n" && source[at] !== "#") {
    const letter = source[at] ?? "";
    if (letter === '"') at = endOfText(source, at);
    else at = OPEN.includes(letter) ? endOfBrackets(source, at) : at + 1;
  }
  return at;
}

function parseBody(source: string, file: string): Pick<Block, "attributes" | "blocks"> {
  const attributes: Record<string, string> = {};
  const blocks: Block[] = [];
  for (let at = 0; at < source.length;) {
    const rest = source.slice(at);
    const space = /^(?:\s+|#[^\n]*)/.exec(rest);
    const attribute = /^([\w-]+)\s*=(?!=)\s*/.exec(rest);
    const block = /^(\w+)((?:\s+"[^"]*")*)\s*\{/.exec(rest);
    if (space !== null) at += space[0].length;
    else if (attribute !== null) {
      const from = at + attribute[0].length;
      at = endOfExpression(source, from);
      attributes[attribute[1] ?? ""] = source.slice(from, at).trim();
    } else if (block !== null) {
      const from = at + block[0].length - 1;
      at = endOfBrackets(source, from);
      const labels = [...(block[2] ?? "").matchAll(/"([^"]*)"/g)].map(([, label = ""]) => label);
      blocks.push({ type: block[1] ?? "", labels, ...parseBody(source.slice(from + 1, at - 1), file) });
    } else throw new Error(`${file}: not understood: ${rest.slice(0, 60)}`);
  }
  return { attributes, blocks };
}

/** Expressions of a block and of all in it. */
function expressionsOf({ attributes, blocks }: Block): readonly string[] {
  return [...Object.values(attributes), ...blocks.flatMap(expressionsOf)];
}

/** What is outside of texts, and what is put into them. */
function codeOf(expression: string): string {
  let code = "";
  for (let at = 0; at < expression.length;) {
    if (expression[at] !== '"') {
      code += expression[at] ?? "";
      at += 1;
      continue;
    }
    const end = endOfText(expression, at);
    const text = expression.slice(at + 1, end - 1);
    for (let from = text.indexOf("${"); from >= 0; from = text.indexOf("${", from)) {
      const until = endOfBrackets(text, from + 1);
      code += ` ${codeOf(text.slice(from + 2, until - 1))} `;
      from = until;
    }
    at = end;
  }
  return code.replaceAll(/#[^\n]*/g, "");
}

/** Addresses that a module has (var.x, local.x, data.TYPE.x, TYPE.x), and those that its expressions name. */
export function addressesOf(blocks: readonly Block[]): {
  readonly declared: ReadonlySet<string>;
  readonly used: ReadonlySet<string>;
} {
  const declared = blocks.flatMap(({ type, labels, attributes }) => {
    if (type === "variable") return [`var.${labels[0] ?? ""}`];
    if (type === "locals") return Object.keys(attributes).map((name) => `local.${name}`);
    if (type === "data") return [`data.${labels.join(".")}`];
    return type === "resource" ? [labels.join(".")] : [];
  });
  const code = blocks.flatMap(expressionsOf).map(codeOf).join("\n");
  const used = code.matchAll(/(?<![\w.])(?:(?:var|local)\.\w+|data\.\w+\.\w+|aws_\w+\.\w+)/g);
  return { declared: new Set(declared), used: new Set([...used].map(([address]) => address)) };
}

/** Attributes of resources and data sources that expressions read, such as `arn` of `aws_sqs_queue.events[0].arn`. */
export function referencesOf(
  blocks: readonly Block[],
): readonly { readonly kind: "data" | "resource"; readonly type: string; readonly attribute: string }[] {
  const code = blocks.flatMap(expressionsOf).map(codeOf).join("\n");
  const found = code.matchAll(/(?<![\w.])(data\.)?(aws_\w+)\.\w+(?:\[[^\]]*\])?\.(\w+)/g);
  return [...found].map(([, data, type = "", attribute = ""]) => ({
    kind: data === undefined ? "resource" : "data",
    type,
    attribute,
  }));
}

/** The one block of a type with these labels. */
export function blockOf(blocks: readonly Block[], type: string, ...labels: readonly string[]): Block {
  const found = blocks.filter((block) => block.type === type && block.labels.join() === labels.join());
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} of ${type} ${labels.join(".")}`);
  return found[0];
}

/** Name of the template and the expressions of its values, of `templatefile("${path.module}/NAME", {…})`. */
export function templateOf(expression = ""): {
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
} {
  const [, name, body] = /templatefile\("\$\{path\.module\}\/([^"]+)", \{([\s\S]*?)\n?\s*\}\)/.exec(expression) ?? [];
  if (name === undefined || body === undefined) throw new Error(`no template: ${expression}`);
  const lines = body.includes("\n") ? body : body.replaceAll(", ", "\n");
  return { name, values: parseBody(lines, name).attributes };
}

/** Fills a template as templatefile() does. Only ${NAME} and ${jsonencode(NAME)} are known here; values that it lacks throw. */
export function fillTemplate(path: string, values: Readonly<Record<string, unknown>>): string {
  return readFileSync(path, "utf8").replaceAll(/\$\{(jsonencode\()?([^}]*?)\)?\}/g, (_all, encode, name: string) => {
    if (!Object.hasOwn(values, name)) throw new Error(`${path}: no value for ${name}`);
    const value = values[name];
    if (encode !== undefined) return JSON.stringify(value);
    if (typeof value !== "string") throw new Error(`${path}: ${name} is no text`);
    return value;
  });
}
