#!/usr/bin/env bash
# What a partner's bridge, such as the WordPress plugin, does with a site's API key, by curl.
#
#   IGNY8_API_KEY=igny8_live_… ./bridge.sh http://127.0.0.1:8080/graphql POST-ID
#
# The key needs the scopes CREDITS and SYNC. POST-ID stands for what is worked on: it makes the idempotency
# key and the external id, so whatever is run again happens once. Each step prints the service's answer.
set -euo pipefail
url=${1:?the URL of the API} post=${2:?the id of what is worked on}
: "${IGNY8_API_KEY:?is not set}"
[[ $post =~ ^[A-Za-z0-9-]{1,100}$ ]] || { echo 'POST-ID: letters, digits and hyphens' >&2; exit 2; }

answer=$(mktemp) headers=$(mktemp)
trap 'rm -f "$answer" "$headers"' EXIT

# ask BODY prints the answer. It comes back when it is told to, by Retry-After, and when there was no answer:
# everything here may be sent again as it is. The key goes by standard input, where `ps` does not show it.
ask() {
  local attempt status wait
  for attempt in 1 2 3 4; do
    : >"$headers"
    status=$(printf 'header = "X-API-Key: %s"\n' "$IGNY8_API_KEY" | curl --config - --silent --max-time 15 \
      --header 'Content-Type: application/json' --header 'Accept: application/graphql-response+json' \
      --dump-header "$headers" --output "$answer" --write-out '%{http_code}' --data "$1" "$url") || status=000
    case $status in
      000 | 429 | 502 | 503 | 504) ;; # no answer; throttled; not at the moment
      *) cat "$answer" && echo && return ;;
    esac
    wait=$(tr -d '\r' <"$headers" | awk -F': ' 'tolower($1) == "retry-after" { print $2 }')
    echo "status $status: attempt $((attempt + 1)) in ${wait:-$attempt} s" >&2
    sleep "${wait:-$attempt}"
  done
  echo "no answer after $attempt attempts" >&2
  return 1
}

# 1. Whose key is it, and what may it do?
ask '{"operationName":"Viewer","query":"query Viewer { viewer { apiKey { name scopes } account { status credits { available } } } }"}'

# 2. What would the work cost, and is there enough for it?
ask '{"operationName":"Estimate","query":"query Estimate { estimateCredits(operation: CONTENT_GENERATION, quantity: 1200) { required available sufficient } }"}'

# 3. Pay for it, once.
ask '{"operationName":"Spend","query":"mutation Spend($input: SpendCreditsInput!) { spendCredits(input: $input) { transaction { id amount } credits { available } userErrors { code field message } } }",
  "variables":{"input":{"operation":"CONTENT_GENERATION","quantity":1200,"idempotencyKey":"post-'"$post"'"}}}'

# 4. Say what was synced. The same external id with the same facts answers the first event.
ask '{"operationName":"Synced","query":"mutation Synced($input: RecordSyncEventInput!) { recordSyncEvent(input: $input) { event { id kind outcome } userErrors { code field message } } }",
  "variables":{"input":{"kind":"PUBLISH","direction":"TO_SITE","outcome":"SUCCEEDED","externalId":"post-'"$post"'"}}}'

# 5. Refused: more than there is. Nothing is written, and the answer says by how much it is too much.
ask '{"operationName":"TooMuch","query":"mutation TooMuch($input: SpendCreditsInput!) { spendCredits(input: $input) { transaction { id } userErrors { code field message ... on InsufficientCreditsError { required available } } } }",
  "variables":{"input":{"operation":"CONTENT_GENERATION","quantity":100000000,"idempotencyKey":"dear-'"$post"'"}}}'
