/**
 * The text of a condition to a tree of names and operators, by recursive descent.
 *
 * Binding from loose to tight: or, and, not, `x of`, parentheses. Words are whole tokens, so a detection may be called
 * `notepad`. The first fault ends it and comes back as a value. What the names mean is decided in ./condition.ts.
 */

/** Deepest nesting of parentheses and `not`. */
const DEPTH_MAX = 64;
/** A word of the text. */
export type Token = { readonly text: string; readonly index: number };
/** A condition as written. `index` is the place of its first word in the text. */
export type Tree =
  | { readonly op: "and"; readonly of: readonly Tree[] }
  | { readonly op: "or"; readonly of: readonly Tree[] }
  | { readonly op: "not"; readonly of: Tree }
  | { readonly op: "name"; readonly name: string; readonly index: number }
  | { readonly op: "of"; readonly count: number | "all"; readonly pattern: string; readonly index: number };

const WORDS: ReadonlySet<string> = new Set(["and", "or", "not", "of", "them", "all", "any"]);
const NAME = /^[\p{L}\p{N}_.-]+$/u;

/** Why a text is no condition, and where. */
export type SyntaxFault = {
  readonly code: "condition_syntax" | "condition_too_deep";
  readonly index: number;
  readonly message: string;
  readonly remedy: string;
};

/**
 * Reads a text. Words in the wrong case are told to `lower` and taken as meant, unless `isName` says that a detection has
 * that very name.
 */
export function parseTree(
  text: string,
  isName: (word: string) => boolean,
  lower: (token: Token) => void,
): Tree | SyntaxFault {
  return createParser(tokenize(text, isName, lower)).parse();
}

/** Tokens; words in the wrong case are told to `lower` and taken as meant, unless a detection has that name. */
function tokenize(text: string, isName: (word: string) => boolean, lower: (token: Token) => void): readonly Token[] {
  const tokens: Token[] = [];
  for (const { 0: word, index } of text.matchAll(/[()]|[^\s()]+/g)) {
    const folded = word.toLowerCase();
    const isMiscased = word !== folded && WORDS.has(folded) && !isName(word);
    if (isMiscased) lower({ text: word, index });
    tokens.push({ text: isMiscased ? folded : word, index });
  }
  tokens.push({ text: "", index: text.length });
  return tokens;
}

/** Recursive descent over the tokens; the first fault ends it. */
function createParser(tokens: readonly Token[]): { parse(): Tree | SyntaxFault } {
  let at = 0;
  let fault: SyntaxFault | null = null;
  const here = (): Token => tokens[at] ?? { text: "", index: 0 };
  const fail = (message: string, code: SyntaxFault["code"] = "condition_syntax"): null => {
    fault ??= {
      code,
      index: here().index,
      message,
      remedy: "conditions are names joined by and, or, not, `1 of NAME*`, `all of them` and parentheses",
    };
    return null;
  };
  const list = (op: "and" | "or", next: (depth: number) => Tree | null, depth: number): Tree | null => {
    const operands: Tree[] = [];
    for (;;) {
      const operand = next(depth);
      if (operand === null) return null;
      operands.push(operand);
      if (here().text !== op) break;
      at += 1;
    }
    const [first] = operands;
    return operands.length === 1 && first !== undefined ? first : { op, of: operands };
  };
  const or = (depth: number): Tree | null => list("or", and, depth);
  const and = (depth: number): Tree | null => list("and", unary, depth);
  const unary = (depth: number): Tree | null => {
    if (depth > DEPTH_MAX) return fail(`the condition nests deeper than ${DEPTH_MAX} levels`, "condition_too_deep");
    const { text, index } = here();
    if (text === "") return fail("the condition ends where a name is expected");
    at += 1;
    if (text === "not") {
      const operand = unary(depth + 1);
      return operand === null ? null : { op: "not", of: operand };
    }
    if (text === "(") {
      const inner = or(depth + 1);
      if (inner === null) return null;
      if (here().text !== ")") return fail("a closing parenthesis is missing");
      at += 1;
      return inner;
    }
    if (here().text === "of") return selector(text, index);
    if (NAME.test(text) && text !== "and" && text !== "or") return { op: "name", name: text, index };
    at -= 1;
    return fail(`\`${text}\` stands where a name is expected`);
  };
  const selector = (count: string, index: number): Tree | null => {
    if (!/^(?:[1-9]\d{0,3}|all|any)$/.test(count)) {
      at -= 1;
      return fail(`\`${count}\` stands before \`of\`; expected 1, any or all`);
    }
    at += 1;
    const pattern = here().text;
    if (!NAME.test(pattern.replaceAll("*", "x"))) return fail("a name, a pattern or `them` is expected behind `of`");
    at += 1;
    return { op: "of", count: count === "all" ? "all" : count === "any" ? 1 : Number(count), pattern, index };
  };
  return {
    parse: () => {
      const tree = or(0);
      if (tree !== null && here().text !== "")
        fail(`\`${here().text}\` stands where \`and\`, \`or\` or the end is expected`);
      return (
        fault ??
        tree ?? { code: "condition_syntax", index: 0, message: "the condition is empty", remedy: "name a detection" }
      );
    },
  };
}
