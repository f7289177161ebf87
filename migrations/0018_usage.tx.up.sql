-- What credits are used for: use a day, a budget a month for a site, a word to the owners when credits run low,
-- and costs that staff change.

-- Use a day (UTC), summed up in the transaction of the lines that it sums up, behind their account's lock. A line
-- counts on the day on which it was written: what a refund gives back counts against its own day, and no day that
-- is over ever changes. site_id is 0 where the use was for no site, operation empty where the line names none.
create table igny8_credit_usage_days (
    tenant_id  bigint not null,
    day        date not null,
    site_id    bigint not null default 0 check (site_id >= 0),
    operation  text not null default '' check (operation in ('', 'clustering', 'idea_generation', 'content_generation',
                                                             'image_generation', 'image_prompt_extraction')),
    -- What was deducted, and how much was given back of what was deducted on this day or before.
    deducted   bigint not null check (deducted >= 0),
    refunded   bigint not null check (refunded >= 0),
    -- Of the deductions: what they were for, and how many they are.
    quantity   bigint not null check (quantity >= 0),
    operations bigint not null check (operations >= 0),
    constraint igny8_credit_usage_days_pkey primary key (tenant_id, day, site_id, operation)
) with (fillfactor = 70);
alter table igny8_credit_usage_days
    add constraint igny8_credit_usage_days_account_fkey foreign key (tenant_id)
    references igny8_credit_accounts (tenant_id);

-- At most so many credits a month (UTC) for a site.
create table igny8_site_budgets (
    tenant_id       bigint not null,
    site_id         bigint not null,
    monthly_credits bigint not null check (monthly_credits >= 0),
    updated_at      timestamptz not null,
    constraint igny8_site_budgets_pkey primary key (tenant_id, site_id)
);
alter table igny8_site_budgets
    add constraint igny8_site_budgets_site_fkey foreign key (tenant_id, site_id)
    references igny8_sites (tenant_id, id);

-- has_budgets spares accounts without budgets a look for them. low_below is the number of credits below which
-- what is available is low: a tenth of what the plan granted last, 0 for never. low_since is since when it is.
alter table igny8_credit_accounts add column has_budgets boolean not null default false;
alter table igny8_credit_accounts add column low_below bigint not null default 0 check (low_below >= 0);
alter table igny8_credit_accounts add column low_since timestamptz;

-- Each time that an account's credits became low, written with the movement that did it; the owners are told by
-- whoever handles it. A row is never handled twice.
create table igny8_credit_alerts (
    tenant_id  bigint not null,
    id         bigserial,
    available  bigint not null check (available >= 0),
    low_below  bigint not null check (low_below > available),
    created_at timestamptz not null,
    handled_at timestamptz,
    constraint igny8_credit_alerts_pkey primary key (tenant_id, id)
);
alter table igny8_credit_alerts
    add constraint igny8_credit_alerts_account_fkey foreign key (tenant_id)
    references igny8_credit_accounts (tenant_id);
-- For the job, which looks for them among all accounts.
create index igny8_credit_alerts_due_idx on igny8_credit_alerts (tenant_id) where handled_at is null;

grant select, insert, update on igny8_credit_usage_days, igny8_credit_alerts to igny8_app;
grant select, insert, update, delete on igny8_site_budgets to igny8_app;
grant usage on sequence igny8_credit_alerts_id_seq to igny8_app;
-- A cost is never changed; another one takes effect.
grant insert on igny8_credit_cost_config to igny8_app;
grant usage on sequence igny8_credit_cost_config_id_seq to igny8_app;

-- The lines that there are already. The owner, who is bound by row-level security too, sees them all for as
-- long as it is not forced; the lock that this takes keeps everybody else out until it is again.
alter table igny8_credit_transactions no force row level security;
alter table igny8_credit_grants no force row level security;
alter table igny8_credit_accounts no force row level security;
insert into igny8_credit_usage_days (tenant_id, day, site_id, operation, deducted, refunded, quantity, operations)
select tenant_id, (created_at at time zone 'UTC')::date, coalesce(site_id, 0), coalesce(operation, ''),
       coalesce(sum(-amount) filter (where type = 'deduction'), 0), coalesce(sum(amount) filter (where refunds_id is not null), 0),
       coalesce(sum(quantity) filter (where type = 'deduction'), 0), count(*) filter (where type = 'deduction')
from igny8_credit_transactions
where type = 'deduction' or refunds_id is not null
group by 1, 2, 3, 4;
update igny8_credit_accounts as a
set low_below = (newest.amount + 9) / 10
from (select distinct on (tenant_id) tenant_id, amount from igny8_credit_grants
      where kind in ('trial', 'subscription') order by tenant_id, granted_at desc, id desc) as newest
where newest.tenant_id = a.tenant_id;
-- Who was low before is not told of it now, but of the next time.
update igny8_credit_accounts set low_since = now() where balance - held < low_below;
alter table igny8_credit_transactions force row level security;
alter table igny8_credit_grants force row level security;
alter table igny8_credit_accounts force row level security;

do $$
declare
    name text;
begin
    foreach name in array array['igny8_credit_usage_days', 'igny8_site_budgets', 'igny8_credit_alerts'] loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::bigint)', name);
    end loop;
end $$;
-- The job looks for alerts among all accounts; what it changes, it changes as each account.
create policy staff on igny8_credit_alerts for select using (current_setting('app.staff', true) = 'on');
