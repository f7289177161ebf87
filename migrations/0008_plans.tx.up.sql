-- The plans that a new database starts with. The ids of the first five are today's.
insert into igny8_plans
    (id, slug, name, price_minor, included_credits, max_sites, max_users, features, trial_days, self_serve)
values
    (1, 'free', 'Free Plan', 0, 100, 1, 1, '{}', null, true),
    (2, 'starter', 'Starter', 8900, 1000, 1, 2, '{ai_writer,image_gen}', null, true),
    (4, 'growth', 'Growth', 13900, 2000, 3, 3, '{ai_writer,image_gen,auto_publish}', null, true),
    (5, 'scale', 'Scale', 22900, 4000, 5, 5, '{ai_writer,image_gen,auto_publish,custom_prompts}', null, true),
    (6, 'enterprise', 'Enterprise Plan', 0, 10000, 20, 10000,
     '{ai_writer,image_gen,auto_publish,custom_prompts,unlimited}', null, false),
    (7, 'free-trial', 'Free Trial', 0, 2000, 1, 1, '{ai_writer,image_gen}', 14, false);
select setval('igny8_plans_id_seq', 7);
