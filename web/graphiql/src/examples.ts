// Example operations and the placeholders in their variables, so that an example runs as it is:
//
//   ${uuid}               a new random key, for idempotencyKey
//   ${today}              today's date in UTC, e.g. 2026-03-31
//   ${pay.id:-pay_1}      the id of the last payment (prefix `pay_`) that an answer showed; any path into
//                         that object works, e.g. ${pay.amount.currencyCode:-USD}. What follows `:-`
//                         stands where no answer has shown one yet.
//   ${demo.email:-…}      the first demo user's email (and password), in demo mode
//   ${viewer.paidPlan:-…}  the plan that whoever is signed in pays for
//
// web.Example.FillIn does the same for tests in Go.

import type { Example } from './config';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** The things that answers have shown, by the prefix of their global ids. */
export class Seen {
  readonly #things = new Map<string, { [key: string]: Json }>();

  /** Looks through an answer; of several things of one type in a list, the first counts. */
  remember(value: unknown): void {
    if (Array.isArray(value)) {
      for (const element of [...value].reverse()) this.remember(element);
      return;
    }
    if (typeof value !== 'object' || value === null) return;
    for (const child of Object.values(value)) this.remember(child);
    const thing = value as { [key: string]: Json };
    const prefix = typeof thing.id === 'string' ? /^([a-z]+)_/.exec(thing.id)?.[1] : undefined;
    if (!prefix) return;
    const known = this.#things.get(prefix);
    this.#things.set(prefix, known?.id === thing.id ? { ...known, ...thing } : thing);
  }

  /** Makes facts known that no answer shows, under a name of their own. */
  set(name: string, facts: { [key: string]: Json }): void {
    this.#things.set(name, facts);
  }

  lookUp(path: string): string | undefined {
    const [prefix = '', ...keys] = path.split('.');
    let value: Json | undefined = this.#things.get(prefix);
    for (const key of keys) {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
      value = value[key];
    }
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  }
}

/** What an example looks like in the editor: what it is about, in lines that fit, and the operation. */
export function editorText(example: Example): string {
  const lines = [''];
  for (const word of example.about.split(' ')) {
    const line = `${lines.at(-1)} ${word}`;
    if (line.length > 38) lines.push(` ${word}`);
    else lines[lines.length - 1] = line;
  }
  return `${lines.map((line) => `#${line}`).join('\n')}\n\n${example.query}`;
}

/** The example's variables with their placeholders filled in. */
export function fillIn(example: Example, seen: Seen, now: Date): string {
  return example.variables.replaceAll(/\$\{([a-z][A-Za-z.]*)(?::-([^}]*))?\}/g, (_, name, fallback) => {
    if (name === 'uuid') return randomUUID();
    if (name === 'today') return now.toISOString().slice(0, 10);
    return JSON.stringify(seen.lookUp(name) ?? fallback ?? '').slice(1, -1);
  });
}

/** A version 4 UUID. `crypto.randomUUID` is missing where the page came by plain HTTP from another machine. */
function randomUUID(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The examples by group, in the order in which the server lists them. */
export function byGroup(examples: Example[]): [string, Example[]][] {
  const groups = new Map<string, Example[]>();
  for (const example of examples) {
    groups.set(example.group, [...(groups.get(example.group) ?? []), example]);
  }
  return [...groups];
}
