/** Says in a line of JSON what a step came to. */
export function report(step: string, result: unknown): void {
  console.log(JSON.stringify({ step, result }));
}

/** What the examples are started with: URL EMAIL PASSWORD. */
export function starting(): { url: string; email: string; password: string } {
  const [url, email, password] = process.argv.slice(2);
  if (!url || !email || !password) {
    console.error('usage: main.js URL EMAIL PASSWORD, e.g. main.js http://127.0.0.1:8080/graphql scale@igny8.com igny8-demo-password');
    process.exit(2);
  }
  return { url, email, password };
}
