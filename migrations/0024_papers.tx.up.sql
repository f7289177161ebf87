-- Invoices and credit notes as documents of their own: what they say is frozen when they are issued.

-- The tax of an account: hundredths of a percent, and the id by which its tax office knows it. Null: none.
alter table igny8_tenants add column tax_rate integer check (tax_rate between 0 and 10000);
alter table igny8_tenants add column tax_id text check (length(tax_id) between 1 and 50);
grant update (tax_rate, tax_id) on igny8_tenants to igny8_app;
-- A payment keeps the rate that it was asked for at.
alter table igny8_payments add column tax_rate integer check (tax_rate between 0 and 10000);

-- Seller and buyer as they were. The sum is net with tax; taxable is what of net the tax was reckoned on.
-- refers_to is the invoice that a credit note takes back from.
alter table igny8_invoices add column kind text not null default 'invoice' check (kind in ('invoice', 'credit_note'));
alter table igny8_invoices add column refers_to bigint;
alter table igny8_invoices add column net_minor bigint;
alter table igny8_invoices add column taxable_minor bigint;
alter table igny8_invoices add column tax_minor bigint not null default 0 check (tax_minor >= 0);
alter table igny8_invoices add column tax_rate integer check (tax_rate between 0 and 10000);
alter table igny8_invoices add column from_balance_minor bigint not null default 0 check (from_balance_minor >= 0);
alter table igny8_invoices add column seller_name text not null default '';
alter table igny8_invoices add column seller_address text not null default '';
alter table igny8_invoices add column seller_tax_id text not null default '';
alter table igny8_invoices add column buyer_name text not null default '';
alter table igny8_invoices add column buyer_address text not null default '';
alter table igny8_invoices add column buyer_email text not null default '';
alter table igny8_invoices add column buyer_tax_id text not null default '';
alter table igny8_invoices add column note text not null default '';
alter table igny8_invoices add constraint igny8_invoices_refers_check check ((kind = 'credit_note') = (refers_to is not null));
alter table igny8_invoices add constraint igny8_invoices_refers_fkey foreign key (tenant_id, refers_to)
    references igny8_invoices (tenant_id, id);
-- A payment has one invoice, and a credit note for each refund.
alter table igny8_invoices drop constraint igny8_invoices_payment_key;
create unique index igny8_invoices_payment_key on igny8_invoices (tenant_id, payment_id) where kind = 'invoice';
create index igny8_invoices_issued_idx on igny8_invoices (tenant_id, issued_at desc, id desc);

create table igny8_credit_note_numbers (
    year        integer not null check (year between 2000 and 9999),
    last_number bigint not null check (last_number > 0),
    constraint igny8_credit_note_numbers_pkey primary key (year)
);
grant select, insert, update on igny8_credit_note_numbers to igny8_app;

-- Invoices that there are already: nobody noted who the seller was, and the buyer is who it is today. The owner,
-- who is bound by row-level security too, sees them while that is not forced.
alter table igny8_invoices no force row level security;
alter table igny8_payments no force row level security;
alter table igny8_tenants no force row level security;
update igny8_invoices as invoice
set net_minor = invoice.total_minor - pay.tax_minor, taxable_minor = pay.net_minor - pay.credited_minor, tax_minor = pay.tax_minor,
    from_balance_minor = pay.applied_minor, buyer_name = a.name, buyer_email = coalesce(a.billing_email, '')
from igny8_payments as pay, igny8_tenants as a
where pay.tenant_id = invoice.tenant_id and pay.id = invoice.payment_id and a.id = invoice.tenant_id;
alter table igny8_invoices force row level security;
alter table igny8_payments force row level security;
alter table igny8_tenants force row level security;
alter table igny8_invoices alter column net_minor set not null;
alter table igny8_invoices alter column taxable_minor set not null;
alter table igny8_invoices add constraint igny8_invoices_total_check check (total_minor = net_minor + tax_minor);

-- Who it was goes from invoices too when an account is purged; the sums stay.
create function igny8_purge_invoices(account bigint) returns boolean
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    update igny8_invoices set buyer_name = '(deleted)', buyer_address = '', buyer_email = '', buyer_tax_id = '', note = ''
    where tenant_id = account and buyer_name <> '(deleted)';
    update igny8_tenants set tax_id = null where id = account;
    return true;
end $$;
revoke all on function igny8_purge_invoices(bigint) from public;
grant execute on function igny8_purge_invoices(bigint) to igny8_app;
