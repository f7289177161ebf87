-- Partners: a site's API keys, its connection to WordPress, and what the bridge between them did.

create table igny8_site_api_keys (
    tenant_id    bigint not null,
    id           bigserial,
    site_id      bigint not null,
    name         text not null check (name <> ''),
    -- The part of the key that may be shown, by which people tell keys apart: igny8_live_<public_id>.
    public_id    text not null,
    -- HMAC-SHA256 of the whole key, and the id of the key that it was made with.
    hash         bytea not null,
    hash_key_id  text not null,
    scopes       text[] not null check (scopes <@ array['sites_read', 'credits', 'sync'] and cardinality(scopes) > 0),
    -- Carried over from the system before this one: works until it is rotated.
    is_legacy    boolean not null default false,
    created_by   bigint,
    created_at   timestamptz not null,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    revoked_by   bigint,
    -- The key that takes this one's place.
    rotated_to   bigint,
    primary key (tenant_id, id),
    check (revoked_at is not null or revoked_by is null)
);
alter table igny8_site_api_keys
    add constraint igny8_site_api_keys_site_fkey foreign key (tenant_id, site_id) references igny8_sites (tenant_id, id);
alter table igny8_site_api_keys
    add constraint igny8_site_api_keys_rotated_fkey foreign key (tenant_id, rotated_to)
    references igny8_site_api_keys (tenant_id, id);
create index igny8_site_api_keys_site_idx on igny8_site_api_keys (tenant_id, site_id);

-- Which account a key belongs to: by its public id or, for a legacy key, by its hash in hexadecimal.
create table igny8_api_key_directory (
    lookup    text constraint igny8_api_key_directory_pkey primary key check (lookup <> ''),
    tenant_id bigint not null,
    key_id    bigint not null
);
alter table igny8_api_key_directory
    add constraint igny8_api_key_directory_key_fkey foreign key (tenant_id, key_id)
    references igny8_site_api_keys (tenant_id, id) on delete cascade;

-- A site's WordPress. The application password is sealed with the row's identity; no API reads it.
create table igny8_wordpress_connections (
    tenant_id    bigint not null,
    site_id      bigint not null,
    url          text not null check (url <> ''),
    username     text not null check (username <> ''),
    sealed       bytea not null,
    key_id       text not null,
    connected_by bigint,
    connected_at timestamptz not null,
    updated_at   timestamptz not null,
    -- When the site last answered to the password, or did not.
    checked_at   timestamptz,
    check_error  text,
    primary key (tenant_id, site_id)
);
alter table igny8_wordpress_connections
    add constraint igny8_wordpress_connections_site_fkey foreign key (tenant_id, site_id)
    references igny8_sites (tenant_id, id);

create table igny8_sync_events (
    tenant_id   bigint not null,
    id          bigserial,
    site_id     bigint not null,
    kind        text not null check (kind in ('publish', 'update', 'delete', 'import', 'status', 'media', 'taxonomy')),
    direction   text not null check (direction in ('to_site', 'from_site')),
    outcome     text not null check (outcome in ('succeeded', 'partial', 'failed')),
    -- How many posts, files or terms were synced.
    items       integer not null check (items >= 0),
    message     text not null default '',
    details     jsonb not null default '{}',
    -- The partner's own id of the event, by which a repeated report is known.
    external_id text not null check (external_id <> ''),
    -- SHA-256 of what was reported under it.
    fingerprint bytea not null,
    actor_kind  text not null check (actor_kind in ('user', 'staff', 'api_key', 'system')),
    actor_id    bigint,
    occurred_at timestamptz not null,
    created_at  timestamptz not null,
    primary key (tenant_id, id),
    constraint igny8_sync_events_external_key unique (tenant_id, site_id, external_id)
);
alter table igny8_sync_events
    add constraint igny8_sync_events_site_fkey foreign key (tenant_id, site_id) references igny8_sites (tenant_id, id);
create index igny8_sync_events_site_idx on igny8_sync_events (tenant_id, site_id, id);

grant select, insert, update on igny8_site_api_keys, igny8_wordpress_connections to igny8_app;
grant delete on igny8_wordpress_connections to igny8_app;
grant select, insert, delete on igny8_api_key_directory to igny8_app;
grant select, insert on igny8_sync_events to igny8_app;
grant usage on sequence igny8_site_api_keys_id_seq, igny8_sync_events_id_seq to igny8_app;

do $$
declare
    name text;
begin
    foreach name in array array['igny8_site_api_keys', 'igny8_wordpress_connections', 'igny8_sync_events'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::bigint)', name);
    end loop;
end $$;
