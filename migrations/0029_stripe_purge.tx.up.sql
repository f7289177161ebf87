-- What leads from an account that is over for good to people at Stripe goes with it. Sums that were collected and given
-- back stay, as payments do.
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
