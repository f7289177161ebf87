<?php
// What a WordPress plugin does with a site's API key. In WordPress, wp_remote_post takes the place of curl
// and the key comes from an option that is never shown.
//
//   IGNY8_API_KEY=igny8_live_… php bridge.php http://127.0.0.1:8080/graphql POST-ID
//
// The key needs the scopes CREDITS and SYNC. Each step prints what it came to in a line of JSON.
declare(strict_types=1);

final class Igny8Error extends RuntimeException
{
}

final class Igny8
{
    private const ATTEMPTS = 4;

    public function __construct(private string $url, #[\SensitiveParameter] private string $key)
    {
    }

    /**
     * Runs an operation and returns its data. It comes back after Retry-After, and when there was no answer:
     * give a mutation an idempotency key or an external id, so that it happens once.
     *
     * @param array<string, mixed> $variables
     * @return array<string, mixed>
     */
    public function ask(string $query, array $variables = []): array
    {
        for ($attempt = 1; ; $attempt++) {
            [$status, $retryAfter, $body] = $this->send($query, $variables);
            if (!in_array($status, [0, 429, 502, 503, 504], true) || $attempt === self::ATTEMPTS) {
                break;
            }
            sleep($retryAfter ?? $attempt);
        }
        $answer = json_decode($body, true);
        if (!is_array($answer) || !isset($answer['data']) || isset($answer['errors'])) {
            // Every error of the service has a code; tell support the request's id, never the key.
            throw new Igny8Error($answer['errors'][0]['extensions']['code'] ?? "no answer (status $status)");
        }
        return $answer['data'];
    }

    /** @return array{int, ?int, string} status (0 without an answer), seconds to wait, body */
    private function send(string $query, array $variables): array
    {
        $retryAfter = null;
        $handle = curl_init($this->url);
        curl_setopt_array($handle, [
            CURLOPT_POST => true,
            CURLOPT_HTTPHEADER => [
                'Content-Type: application/json',
                'Accept: application/graphql-response+json',
                'X-API-Key: ' . $this->key,
            ],
            CURLOPT_POSTFIELDS => json_encode(['query' => $query, 'variables' => (object) $variables], JSON_THROW_ON_ERROR),
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 15,
            CURLOPT_HEADERFUNCTION => static function ($_, string $line) use (&$retryAfter): int {
                if (preg_match('/^retry-after:\s*(\d+)/i', $line, $found)) {
                    $retryAfter = (int) $found[1];
                }
                return strlen($line);
            },
        ]);
        $body = curl_exec($handle);
        return [curl_getinfo($handle, CURLINFO_RESPONSE_CODE), $retryAfter, is_string($body) ? $body : ''];
    }
}

[, $url, $post] = $argv + [1 => '', 2 => ''];
$key = (string) getenv('IGNY8_API_KEY');
if ($url === '' || $post === '' || $key === '') {
    fwrite(STDERR, "usage: IGNY8_API_KEY=… php bridge.php URL POST-ID\n");
    exit(2);
}
$igny8 = new Igny8($url, $key);
$tell = static fn (string $step, mixed $result) => print(json_encode(['step' => $step, 'result' => $result]) . "\n");

$tell('viewer', $igny8->ask('query Viewer { viewer { apiKey { name scopes } account { status } } }')['viewer']);
$tell('estimate', $igny8->ask('query Estimate { estimateCredits(operation: CONTENT_GENERATION, quantity: 1200) { required sufficient } }')['estimateCredits']);

$spend = 'mutation Spend($input: SpendCreditsInput!) { spendCredits(input: $input) {
    transaction { amount } userErrors { code message ... on InsufficientCreditsError { required available } } } }';
$input = ['operation' => 'CONTENT_GENERATION', 'quantity' => 1200, 'idempotencyKey' => "post-$post"];
$tell('spend', $igny8->ask($spend, ['input' => $input])['spendCredits']);

$tell('synced', $igny8->ask(
    'mutation Synced($input: RecordSyncEventInput!) { recordSyncEvent(input: $input) { event { kind outcome } userErrors { code } } }',
    ['input' => ['kind' => 'PUBLISH', 'direction' => 'TO_SITE', 'outcome' => 'SUCCEEDED', 'externalId' => "post-$post"]],
)['recordSyncEvent']);

// Refused by what a person can mend: userErrors. Refused for good: an error with a code.
$tooMuch = ['quantity' => 100_000_000, 'idempotencyKey' => "dear-$post"] + $input;
$tell('too much', $igny8->ask($spend, ['input' => $tooMuch])['spendCredits']['userErrors'][0]['code']);
try {
    $igny8->ask('query Sites { sites { nodes { id } } }');
} catch (Igny8Error $error) {
    $tell('no scope', $error->getMessage());
}
