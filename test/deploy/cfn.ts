/**
 * CloudFormation templates for tests: reads YAML with CloudFormation's short tags, says what refers to what, and works out
 * values as CloudFormation would for given parameters, Region and account.
 *
 * Only the functions that our templates have in places which tests look at; another one throws with its name.
 * Functions: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
import { readFileSync } from "node:fs";
import { isMap, isScalar, isSeq, parseDocument } from "yaml";

/** A value of a template: plain JSON in which functions are objects of one key, as in CloudFormation's JSON form. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
type Fields = Readonly<Record<string, Value>>;

export type Resource = {
  readonly Type: string;
  readonly Condition?: string;
  readonly Properties?: Fields;
  readonly DeletionPolicy?: string;
  readonly DependsOn?: string | readonly string[];
};
export type Template = {
  readonly Parameters: Readonly<Record<string, { readonly Type: string; readonly Default?: string | number }>>;
  readonly Rules?: Readonly<Record<string, Value>>;
  readonly Conditions: Readonly<Record<string, Value>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, Fields>>;
};

/** Reads a template. Throws on YAML that is wrong. */
export function readTemplate(path: string): Template {
  const document = parseDocument(readFileSync(path, "utf8"), { logLevel: "error" });
  if (document.errors[0] !== undefined) throw document.errors[0];
  return toPlain(document.contents) as unknown as Template;
}

function toPlain(node: unknown): Value {
  const tag = (node as { tag?: string } | null)?.tag ?? "";
  const value = isMap(node)
    ? Object.fromEntries(node.items.map((pair) => [String(pair.key), toPlain(pair.value)]))
    : isSeq(node)
      ? node.items.map(toPlain)
      : isScalar(node)
        ? (node.value as Value)
        : null;
  if (!tag.startsWith("!") || tag === "!") return value;
  const name = tag.slice(1);
  if (name === "Ref" || name === "Condition") return { [name]: value };
  return {
    [`Fn::${name}`]:
      name === "GetAtt"
        ? textOf(value)
            .split(/\.(.*)/)
            .slice(0, 2)
        : value,
  };
}

/** What a value refers to: parameters, pseudo parameters and resources by name, conditions apart. */
export function referencesOf(value: Value): {
  readonly names: readonly string[];
  readonly conditions: readonly string[];
} {
  const [names, conditions] = [new Set<string>(), new Set<string>()];
  const walk = (at: Value): void => {
    if (Array.isArray(at)) for (const item of at as readonly Value[]) walk(item);
    else if (typeof at === "object" && at !== null) {
      // In ECS the dependency of a container has a Condition too, beside other keys.
      const isOurs = ["Type", "Value"].some((key) => Object.hasOwn(at, key)) || Object.keys(at).length === 1;
      for (const [key, item] of Object.entries(at))
        if (isOurs || key !== "Condition" || typeof item !== "string") look(key, item);
    }
  };
  const look = (key: string, item: Value): void => {
    if (key === "Ref") names.add(textOf(item));
    else if (key === "Condition" && typeof item === "string") conditions.add(item);
    else if (key === "Fn::GetAtt") names.add(textOf((item as readonly Value[])[0]));
    else if (key === "Fn::Sub") {
      const { text, map } = toSub(item);
      for (const [, name = ""] of text.matchAll(/\$\{([\w:.]+)\}/g))
        if (!Object.hasOwn(map, name)) names.add(name.includes("::") ? name : (name.split(".")[0] ?? ""));
      walk(map);
    } else {
      if (key === "Fn::If") conditions.add(textOf((item as readonly Value[])[0]));
      walk(key === "Fn::If" ? (item as readonly Value[]).slice(1) : item);
    }
  };
  walk(value);
  return { names: [...names], conditions: [...conditions] };
}

/** A scalar as text; throws on what is none. */
export function textOf(value: Value | undefined): string {
  if (typeof value === "object" || value === undefined) throw new Error(`${JSON.stringify(value)} is no text`);
  return String(value);
}

/** Text and names of its own of Fn::Sub's argument, which is a text or a list of both. */
function toSub(argument: Value): { readonly text: string; readonly map: Fields } {
  const [text, map = {}] = (Array.isArray(argument) ? argument : [argument]) as unknown as readonly [string, Fields?];
  return { text, map };
}

/** Where and with what a stack is made. */
export type Stack = {
  readonly region: string;
  readonly account: string;
  readonly parameters: Readonly<Record<string, string>>;
};
/** A stack's values. */
export type Values = {
  readonly resolve: (value: Value) => Value;
  /** Properties of a resource; throws when its condition does not hold. */
  readonly properties: (name: string) => Fields;
  readonly has: (name: string) => boolean;
};

/** Stands for AWS::NoValue until it is taken out. */
const NOTHING: Value = { none: null };

export function createStack(template: Template, { region, account, parameters }: Stack): Values {
  const partition = region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
  const suffix = partition === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
  const pseudo: Readonly<Record<string, string>> = {
    "AWS::Region": region,
    "AWS::AccountId": account,
    "AWS::Partition": partition,
    "AWS::URLSuffix": suffix,
    "AWS::StackName": "sagewatch",
  };

  const holds = (name: string): boolean => {
    const condition = template.Conditions[name];
    if (condition === undefined) throw new Error(`no condition ${name}`);
    return resolve(condition) === true;
  };
  const has = (name: string): boolean => {
    const condition = template.Resources[name]?.Condition;
    return condition === undefined || holds(condition);
  };
  const properties = (name: string): Fields => {
    const resource = template.Resources[name];
    if (resource === undefined || !has(name)) throw new Error(`the stack has no ${name}`);
    return resolve(resource.Properties ?? {}) as Fields;
  };

  const nameOf = (name: string): string => {
    const { Type = "", Properties = {} } = template.Resources[name] ?? {};
    const key = { "AWS::S3::Bucket": "BucketName", "AWS::Events::EventBus": "Name", "AWS::IAM::Role": "RoleName" }[
      Type
    ];
    const given = key === undefined ? undefined : Properties[key];
    return given === undefined ? `sagewatch-${name}-1A2B3C` : textOf(resolve(given));
  };
  const arnOf = (name: string): string => {
    const of = (service: string, rest: string): string => `arn:${partition}:${service}:${region}:${account}:${rest}`;
    const type = template.Resources[name]?.Type ?? "";
    if (type === "AWS::SQS::Queue") return of("sqs", nameOf(name));
    if (type === "AWS::SNS::Topic") return of("sns", nameOf(name));
    if (type === "AWS::Events::EventBus") return of("events", `event-bus/${nameOf(name)}`);
    if (type === "AWS::Events::Rule") return of("events", `rule/${nameOf(name)}`);
    if (type === "AWS::Logs::LogGroup") return of("logs", `log-group:${nameOf(name)}:*`);
    if (type === "AWS::S3::Bucket") return `arn:${partition}:s3:::${nameOf(name)}`;
    if (type === "AWS::IAM::Role") return `arn:${partition}:iam::${account}:role/${nameOf(name)}`;
    throw new Error(`no ARN is known of ${type}`);
  };
  const refOf = (name: string): Value => {
    if (name === "AWS::NoValue") return NOTHING;
    if (pseudo[name] !== undefined) return pseudo[name];
    const parameter = template.Parameters[name];
    if (parameter !== undefined) {
      const text = String(parameters[name] ?? parameter.Default ?? "");
      return parameter.Type === "CommaDelimitedList" ? text.split(",") : text;
    }
    if (template.Resources[name] === undefined || !has(name)) throw new Error(`the stack has no ${name}`);
    const { Type } = template.Resources[name];
    if (Type === "AWS::SQS::Queue") return `https://sqs.${region}.${suffix}/${account}/${nameOf(name)}`;
    return Type === "AWS::SNS::Topic" ? arnOf(name) : nameOf(name);
  };
  const attributeOf = (name: string, attribute: string): Value => {
    if (!has(name)) throw new Error(`the stack has no ${name}`);
    if (attribute === "QueueName") return nameOf(name);
    if (attribute === "Arn") return arnOf(name);
    throw new Error(`${name}.${attribute} is not known`);
  };
  const substitute = (argument: Value): string => {
    const { text, map } = toSub(argument);
    return text.replaceAll(/\$\{([\w:.]+)\}/g, (_all, name: string) => {
      const [head = "", attribute] = name.includes("::") ? [name] : name.split(".");
      const value = map[name] === undefined ? undefined : resolve(map[name]);
      return textOf(value ?? (attribute === undefined ? refOf(head) : attributeOf(head, attribute)));
    });
  };

  const functions: Readonly<Record<string, (argument: Value) => Value>> = {
    Ref: (argument) => refOf(textOf(argument)),
    Condition: (argument) => holds(textOf(argument)),
    "Fn::Sub": substitute,
    "Fn::GetAtt": (argument) => attributeOf(...(argument as unknown as readonly [string, string])),
    "Fn::If": (argument) => {
      const [name, then, otherwise] = argument as readonly [string, Value, Value];
      return resolve(holds(name) ? then : otherwise);
    },
    "Fn::Equals": (argument) => {
      const [one, other] = resolve(argument) as readonly Value[];
      return one === other;
    },
    "Fn::Not": (argument) => (resolve(argument) as readonly Value[])[0] !== true,
    "Fn::And": (argument) => (resolve(argument) as readonly Value[]).every((one) => one === true),
    "Fn::Or": (argument) => (resolve(argument) as readonly Value[]).includes(true),
    "Fn::Join": (argument) => {
      const [between, items] = resolve(argument) as readonly [string, readonly Value[]];
      return items.map(textOf).join(between);
    },
    "Fn::Split": (argument) => {
      const [between, text] = resolve(argument) as readonly [string, string];
      return text.split(between);
    },
    "Fn::Select": (argument) => {
      const [index, items] = resolve(argument) as readonly [number, readonly Value[]];
      return items[index] ?? null;
    },
    "Fn::Base64": (argument) => resolve(argument),
    // Values of a network that nobody compares.
    "Fn::GetAZs": () => [`${region}a`, `${region}b`],
    "Fn::Cidr": () => ["10.64.0.0/27", "10.64.0.32/27"],
  };
  const resolve = (value: Value): Value => {
    if (Array.isArray(value)) return (value as readonly Value[]).map(resolve).filter((item) => item !== NOTHING);
    if (typeof value !== "object" || value === null || value === NOTHING) return value;
    const entries = Object.entries(value);
    const [[key, argument] = ["", null]] = entries;
    const isCondition = key === "Condition" && typeof argument === "string";
    if (entries.length === 1 && (key === "Ref" || key.startsWith("Fn::") || isCondition)) {
      const call = functions[key];
      if (call === undefined) throw new Error(`${key} is not worked out here`);
      return call(argument);
    }
    const resolved = entries.map(([name, item]) => [name, resolve(item)] as const);
    return Object.fromEntries(resolved.filter(([, item]) => item !== NOTHING));
  };
  return { resolve, properties, has };
}
