import type { ProblemFragment } from './gql/graphql.js';

/** What the client packages hand on of a top-level error. */
export interface TopLevelError {
  readonly message: string;
  readonly path?: readonly (string | number)[] | undefined;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/** The error's code. Every error of the service has one; what came between the service and us has none. */
export function codeOf(error: TopLevelError): string {
  const code = error.extensions?.['code'];
  return typeof code === 'string' ? code : 'UNKNOWN';
}

export const codesOf = (errors: readonly TopLevelError[]): string[] => errors.map(codeOf);

/** Says what a form shows, by the name of its field; what belongs to no field is under ''. */
export function byField(problems: readonly ProblemFragment[]): Record<string, string> {
  const messages: Record<string, string> = {};
  for (const problem of problems) {
    // ['input', 'amount', 'currencyCode'] is the field amount.currencyCode of the form.
    messages[problem.field.slice(1).join('.')] ??= sentence(problem);
  }
  return messages;
}

// An error that knows more than its message has a type of its own.
function sentence(problem: ProblemFragment): string {
  switch (problem.__typename) {
    case 'InsufficientCreditsError':
      return `this takes ${problem.required} credits, and ${problem.available} are left`;
    case 'PlanLimitError':
      return `the plan has room for ${problem.limit}, and ${problem.used} are used`;
    default:
      return problem.message;
  }
}

/** At most so many attempts at one thing. */
export const ATTEMPTS = 4;

/**
 * Whether an attempt may be repeated as it is, and after how many milliseconds; null where it may not.
 *
 * repeatable says that nothing happens twice: a query, or a mutation with an idempotency key. What was
 * throttled has not run, so it may always come back. `errors` is null where no answer came at all.
 */
export function retryDelay(errors: readonly TopLevelError[] | null, repeatable: boolean, attempt: number): number | null {
  if (attempt >= ATTEMPTS) {
    return null;
  }
  const pause = Math.random() * 250 * 2 ** attempt;
  if (errors === null) {
    return repeatable ? pause : null;
  }
  for (const error of errors) {
    switch (codeOf(error)) {
      case 'THROTTLED': {
        const seconds = error.extensions?.['retryAfterSeconds'];
        return (typeof seconds === 'number' ? seconds * 1000 : 1000) + pause;
      }
      case 'TIMEOUT':
      case 'UNAVAILABLE':
        return repeatable ? pause : null;
    }
  }
  return null;
}

/** Whether a mutation's variables carry an idempotency key. */
export function hasIdempotencyKey(variables: Readonly<Record<string, unknown>> | undefined): boolean {
  const input = variables?.['input'];
  return typeof input === 'object' && input !== null && 'idempotencyKey' in input;
}
