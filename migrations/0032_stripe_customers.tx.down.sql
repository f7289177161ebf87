drop function igny8_purge_stripe(bigint);
create function igny8_purge_stripe(account bigint) returns boolean
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    delete from igny8_stripe_customers where tenant_id = account;
    delete from igny8_stripe_checkouts where tenant_id = account;
    delete from igny8_stripe_subscriptions where tenant_id = account;
    delete from igny8_stripe_pushes where tenant_id = account;
    update igny8_stripe_invoices set subscription_id = '' where tenant_id = account and subscription_id <> '';
    return true;
end $$;
revoke all on function igny8_purge_stripe(bigint) from public;
grant execute on function igny8_purge_stripe(bigint) to igny8_app;

alter table igny8_stripe_pushes no force row level security;
delete from igny8_stripe_pushes where kind = 'customer';
alter table igny8_stripe_pushes force row level security;
alter table igny8_stripe_pushes
    drop constraint igny8_stripe_pushes_kind_check,
    drop constraint igny8_stripe_pushes_subject_check,
    add constraint igny8_stripe_pushes_kind_check check (kind in ('cancel', 'end', 'plan', 'refund')),
    add constraint igny8_stripe_pushes_subject_check
        check (case kind when 'refund' then payment_id is not null else subscription_id is not null end);
