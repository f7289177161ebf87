drop function igny8_purge_invoices(bigint);
drop table igny8_credit_note_numbers;
drop index igny8_invoices_issued_idx;
drop index igny8_invoices_payment_key;
alter table igny8_invoices add constraint igny8_invoices_payment_key unique (tenant_id, payment_id);
alter table igny8_invoices drop constraint igny8_invoices_total_check, drop constraint igny8_invoices_refers_fkey,
    drop constraint igny8_invoices_refers_check;
alter table igny8_invoices drop column kind, drop column refers_to, drop column net_minor, drop column taxable_minor,
    drop column tax_minor, drop column tax_rate, drop column from_balance_minor, drop column seller_name, drop column seller_address,
    drop column seller_tax_id, drop column buyer_name, drop column buyer_address, drop column buyer_email, drop column buyer_tax_id,
    drop column note;
alter table igny8_payments drop column tax_rate;
alter table igny8_tenants drop column tax_rate, drop column tax_id;
