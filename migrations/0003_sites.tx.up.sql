-- Sites, their sectors, and which sites editors and viewers may reach.

create table igny8_sites (
    tenant_id     bigint not null,
    id            bigserial,
    name          text not null check (name <> ''),
    slug          text not null check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    domain        text not null default '',
    industry_id   bigint,
    status        text not null default 'active' check (status in ('active', 'inactive', 'suspended')),
    is_active     boolean not null default true,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    deleted_at    timestamptz,
    deleted_by    bigint,
    restore_until timestamptz,
    primary key (tenant_id, id),
    -- The target of the key that keeps a sector inside its site's industry.
    constraint igny8_sites_industry_key unique (tenant_id, id, industry_id),
    check ((deleted_at is null) = (restore_until is null))
);
alter table igny8_sites
    add constraint igny8_sites_tenant_fkey foreign key (tenant_id) references igny8_tenants (id);
alter table igny8_sites
    add constraint igny8_sites_industry_fkey foreign key (industry_id) references igny8_industries (id);
create unique index igny8_sites_slug_key on igny8_sites (tenant_id, slug) where deleted_at is null;

create table igny8_sectors (
    tenant_id          bigint not null,
    id                 bigserial,
    site_id            bigint not null,
    industry_id        bigint not null,
    industry_sector_id bigint not null,
    name               text not null check (name <> ''),
    status             text not null default 'active' check (status in ('active', 'inactive')),
    is_active          boolean not null default true,
    created_at         timestamptz not null default now(),
    updated_at         timestamptz not null default now(),
    deleted_at         timestamptz,
    deleted_by         bigint,
    restore_until      timestamptz,
    -- The industry while the sector is there; a removed one ties its site to no industry.
    live_industry_id   bigint generated always as (case when deleted_at is null then industry_id end) stored,
    primary key (tenant_id, id),
    check ((deleted_at is null) = (restore_until is null))
);
-- A sector's industry is its site's and its catalogue entry's: both keys carry it.
alter table igny8_sectors
    add constraint igny8_sectors_site_fkey foreign key (tenant_id, site_id, live_industry_id)
    references igny8_sites (tenant_id, id, industry_id);
alter table igny8_sectors
    add constraint igny8_sectors_removed_fkey foreign key (tenant_id, site_id) references igny8_sites (tenant_id, id);
alter table igny8_sectors
    add constraint igny8_sectors_industry_sector_fkey foreign key (industry_id, industry_sector_id)
    references igny8_industry_sectors (industry_id, id);
create unique index igny8_sectors_industry_sector_key
    on igny8_sectors (tenant_id, site_id, industry_sector_id) where deleted_at is null;

create table igny8_site_user_access (
    tenant_id  bigint not null,
    site_id    bigint not null,
    user_id    bigint not null,
    granted_by bigint,
    granted_at timestamptz not null default now(),
    primary key (tenant_id, site_id, user_id)
);
alter table igny8_site_user_access
    add constraint igny8_site_user_access_site_fkey foreign key (tenant_id, site_id)
    references igny8_sites (tenant_id, id);
alter table igny8_site_user_access
    add constraint igny8_site_user_access_user_fkey foreign key (tenant_id, user_id)
    references igny8_users (tenant_id, id);
create index igny8_site_user_access_user_idx on igny8_site_user_access (tenant_id, user_id);

grant select, insert, update on igny8_sites, igny8_sectors to igny8_app;
grant select, insert, delete on igny8_site_user_access to igny8_app;
grant usage on sequence igny8_sites_id_seq, igny8_sectors_id_seq to igny8_app;
