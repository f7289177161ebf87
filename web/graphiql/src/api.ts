// The one place that talks to the server.

export interface GraphQLRequest {
  query: string;
  variables?: unknown;
  operationName?: string | null | undefined;
}

export interface GraphQLError {
  message: string;
  path?: (string | number)[];
  extensions?: { code?: string; [key: string]: unknown };
}

export interface GraphQLResult<Data = Record<string, unknown>> {
  data?: Data | null;
  errors?: GraphQLError[];
  extensions?: Record<string, unknown>;
}

export interface UserError {
  message: string;
  field?: string[] | null;
  code: string;
}

/**
 * Posts one operation. Cookies are neither sent nor kept: only the Authorization header signs
 * anybody in. Answers that are not GraphQL (a proxy's error page, say) and a server that cannot
 * be reached become an error in the result, so that callers have one shape to read.
 */
export async function post<Data = Record<string, unknown>>(
  endpoint: string,
  request: GraphQLRequest,
  headers: Record<string, string>,
): Promise<GraphQLResult<Data>> {
  let response: Response;
  try {
    response = await fetch(endpoint, {
      method: 'POST',
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/graphql-response+json, application/json;q=0.9',
        ...headers,
      },
      body: JSON.stringify(request),
    });
  } catch {
    return failure('The server cannot be reached. Is it still running?');
  }
  const text = await response.text();
  try {
    const result: unknown = JSON.parse(text);
    if (typeof result === 'object' && result !== null && ('data' in result || 'errors' in result)) {
      return result as GraphQLResult<Data>;
    }
  } catch {
    // Not JSON: told below.
  }
  return failure(`The server answered with status ${response.status} and no GraphQL result.`);
}

function failure(message: string): GraphQLResult<never> {
  return { errors: [{ message }] };
}
