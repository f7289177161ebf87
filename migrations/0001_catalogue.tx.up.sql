-- The catalogue: what is sold and what sites are about. These tables are global; nothing in them
-- belongs to a customer. The application only reads them.

create table igny8_plans (
    id               bigserial primary key,
    slug             text not null constraint igny8_plans_slug_key unique
                     check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name             text not null check (name <> ''),
    price_minor      bigint not null check (price_minor >= 0),
    currency         text not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
    included_credits bigint not null check (included_credits >= 0),
    max_sites        integer not null check (max_sites >= 0),
    max_users        integer not null check (max_users >= 1),
    features         text[] not null default '{}'
                     check (features <@ array['ai_writer', 'image_gen', 'auto_publish', 'custom_prompts', 'unlimited']),
    trial_days       integer check (trial_days between 1 and 365),
    -- Whether an owner may choose the plan; the others come by signing up or by staff.
    self_serve       boolean not null,
    is_active        boolean not null default true,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now()
);

create table igny8_industries (
    id          bigserial primary key,
    slug        text not null constraint igny8_industries_slug_key unique,
    name        text not null check (name <> ''),
    description text not null default '',
    is_active   boolean not null default true,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);

create table igny8_industry_sectors (
    id          bigserial primary key,
    industry_id bigint not null,
    slug        text not null,
    name        text not null check (name <> ''),
    description text not null default '',
    is_active   boolean not null default true,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    constraint igny8_industry_sectors_slug_key unique (industry_id, slug),
    -- The target of the key that keeps a sector inside its site's industry.
    constraint igny8_industry_sectors_industry_key unique (industry_id, id)
);
alter table igny8_industry_sectors
    add constraint igny8_industry_sectors_industry_fkey foreign key (industry_id) references igny8_industries (id);

grant select on igny8_plans, igny8_industries, igny8_industry_sectors to igny8_app;
