-- Stripe's customer of an account that is over for good is deleted there too: what leads to it is left as a wish for
-- Stripe, and goes once that is done.
alter table igny8_stripe_pushes
    drop constraint igny8_stripe_pushes_kind_check,
    drop constraint igny8_stripe_pushes_subject_check,
    add constraint igny8_stripe_pushes_kind_check check (kind in ('cancel', 'end', 'plan', 'refund', 'customer')),
    add constraint igny8_stripe_pushes_subject_check check (
        case kind
            when 'refund' then payment_id is not null
            when 'customer' then payment_id is null and subscription_id is null and (status = 'done' or wanted ? 'customer')
            else subscription_id is not null
        end);

-- It gives the customers whose rows went; null as the other parts of an account's end do.
drop function igny8_purge_stripe(bigint);
create function igny8_purge_stripe(account bigint) returns text[]
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    gone text[];
begin
    if not igny8_account_is_over(account) then
        return null;
    end if;
    with removed as (delete from igny8_stripe_customers where tenant_id = account returning customer_id)
    select coalesce(array_agg(customer_id order by customer_id), '{}') into gone from removed;
    delete from igny8_stripe_checkouts where tenant_id = account;
    delete from igny8_stripe_subscriptions where tenant_id = account;
    delete from igny8_stripe_pushes where tenant_id = account and kind <> 'customer';
    update igny8_stripe_invoices set subscription_id = '' where tenant_id = account and subscription_id <> '';
    return gone;
end $$;
revoke all on function igny8_purge_stripe(bigint) from public;
grant execute on function igny8_purge_stripe(bigint) to igny8_app;
