-- The industries and their sectors that a new database starts with. The ids are given, so that every
-- installation has the same.
insert into igny8_industries (id, slug, name, description)
values
    (1, 'healthcare-medical', 'Healthcare & Medical',
     'Care for people''s health, from practices and clinics to the makers of equipment.'),
    (2, 'home-garden', 'Home & Garden', 'Furnishing, decorating, keeping and planting a home.'),
    (3, 'technology-software', 'Technology & Software', 'Software, hardware and the services around them.'),
    (4, 'finance-insurance', 'Finance & Insurance', 'Money kept, lent, invested, counted and insured.'),
    (5, 'legal-services', 'Legal Services', 'Advice and representation in matters of law.'),
    (6, 'education-training', 'Education & Training', 'Teaching and learning at every age.'),
    (7, 'real-estate', 'Real Estate', 'Property bought, sold, let, managed and developed.'),
    (8, 'travel-hospitality', 'Travel & Hospitality', 'Journeys, places to stay and things to do.'),
    (9, 'food-beverage', 'Food & Beverage', 'Food and drink made, sold and served.'),
    (10, 'fashion-apparel', 'Fashion & Apparel', 'What people wear.'),
    (11, 'beauty-personal-care', 'Beauty & Personal Care', 'Looking and feeling well.'),
    (12, 'automotive', 'Automotive', 'Vehicles sold, repaired, equipped and rented.'),
    (13, 'sports-fitness', 'Sports & Fitness', 'Training, playing and being outdoors.'),
    (14, 'construction-trades', 'Construction & Trades', 'Building, installing and repairing.'),
    (15, 'marketing-media', 'Marketing & Media', 'Getting known, and what people read, hear and watch.'),
    (16, 'nonprofit-community', 'Nonprofit & Community',
     'Organisations that serve a cause rather than a profit.'),
    (17, 'pets-animals', 'Pets & Animals', 'Animals at home and on the farm.'),
    (18, 'manufacturing-logistics', 'Manufacturing & Logistics', 'Goods made, moved and stored.');
select setval('igny8_industries_id_seq', 18);

-- Healthcare & Medical
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (1, 1, 'medical-practices-clinics', 'Medical Practices & Clinics', 'General practitioners, specialists and walk-in clinics.'),
    (2, 1, 'hospitals', 'Hospitals', 'Hospitals and hospital groups.'),
    (3, 1, 'dental-care', 'Dental Care', 'Dentists, orthodontists and oral surgeons.'),
    (4, 1, 'mental-health', 'Mental Health', 'Psychologists, psychiatrists, counsellors and therapists.'),
    (5, 1, 'physiotherapy-massage', 'Physiotherapy & Massage', 'Physiotherapy, massage, chiropractic care and rehabilitation.'),
    (6, 1, 'pharmacies', 'Pharmacies', 'Local and online pharmacies.'),
    (7, 1, 'medical-devices-supplies', 'Medical Devices & Supplies', 'Makers and sellers of medical equipment and consumables.'),
    (8, 1, 'home-elderly-care', 'Home & Elderly Care', 'Nursing at home, assisted living and care homes.'),
    (9, 1, 'telemedicine', 'Telemedicine', 'Consultations and monitoring at a distance.');

-- Home & Garden
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (10, 2, 'furniture', 'Furniture', 'Furniture for indoors and outdoors.'),
    (11, 2, 'home-decor', 'Home Decor', 'Lighting, textiles and decoration.'),
    (12, 2, 'kitchen-bath', 'Kitchen & Bath', 'Fitted kitchens, bathrooms and what belongs in them.'),
    (13, 2, 'gardening-landscaping', 'Gardening & Landscaping', 'Plants, garden design and garden care.'),
    (14, 2, 'home-improvement', 'Home Improvement', 'Materials, tools and guidance for those who do it themselves.'),
    (15, 2, 'household-appliances', 'Household Appliances', 'Large and small appliances and their repair.'),
    (16, 2, 'cleaning-storage', 'Cleaning & Storage', 'Cleaning, laundry, organising and storage.'),
    (17, 2, 'pools-outdoor-living', 'Pools & Outdoor Living', 'Pools, saunas, grills and terraces.');

-- Technology & Software
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (18, 3, 'software-as-a-service', 'Software as a Service', 'Software that is used over the web by subscription.'),
    (19, 3, 'custom-software-development', 'Custom Software Development', 'Software made to order, for the web, phones and machines.'),
    (20, 3, 'cybersecurity', 'Cybersecurity', 'Protection of systems, networks and data.'),
    (21, 3, 'cloud-hosting', 'Cloud & Hosting', 'Hosting, infrastructure and managed platforms.'),
    (22, 3, 'it-services-support', 'IT Services & Support', 'Managed services, support and consulting.'),
    (23, 3, 'data-artificial-intelligence', 'Data & Artificial Intelligence', 'Analytics, machine learning and their tools.'),
    (24, 3, 'consumer-electronics', 'Consumer Electronics', 'Computers, phones and gadgets.'),
    (25, 3, 'telecommunications', 'Telecommunications', 'Networks, telephony and internet access.');

-- Finance & Insurance
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (26, 4, 'banking', 'Banking', 'Banks, credit unions and neobanks.'),
    (27, 4, 'insurance', 'Insurance', 'Insurers, brokers and agents.'),
    (28, 4, 'wealth-investments', 'Wealth & Investments', 'Financial advice, asset management and brokerage.'),
    (29, 4, 'loans-mortgages', 'Loans & Mortgages', 'Lenders and brokers of credit.'),
    (30, 4, 'accounting-tax', 'Accounting & Tax', 'Bookkeeping, audit and tax advice.'),
    (31, 4, 'payments-fintech', 'Payments & Fintech', 'Payment services and financial technology.'),
    (32, 4, 'pensions-retirement', 'Pensions & Retirement', 'Saving and planning for retirement.');

-- Legal Services
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (33, 5, 'personal-injury', 'Personal Injury', 'Claims for injuries and accidents.'),
    (34, 5, 'family-law', 'Family Law', 'Marriage, divorce, children and inheritance.'),
    (35, 5, 'criminal-defence', 'Criminal Defence', 'Defence in criminal proceedings.'),
    (36, 5, 'business-corporate-law', 'Business & Corporate Law', 'Companies, contracts and transactions.'),
    (37, 5, 'employment-law', 'Employment Law', 'The law of employers and employees.'),
    (38, 5, 'immigration-law', 'Immigration Law', 'Visas, residence and citizenship.'),
    (39, 5, 'intellectual-property', 'Intellectual Property', 'Patents, trade marks and copyright.'),
    (40, 5, 'notaries-conveyancing', 'Notaries & Conveyancing', 'Certified documents and the transfer of property.');

-- Education & Training
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (41, 6, 'schools', 'Schools', 'Primary and secondary schools.'),
    (42, 6, 'universities-colleges', 'Universities & Colleges', 'Higher education and research.'),
    (43, 6, 'online-courses', 'Online Courses', 'Courses and learning platforms on the web.'),
    (44, 6, 'tutoring-test-preparation', 'Tutoring & Test Preparation', 'Private lessons and preparation for examinations.'),
    (45, 6, 'vocational-training', 'Vocational Training', 'Training for trades and professions.'),
    (46, 6, 'language-learning', 'Language Learning', 'Language schools and courses.'),
    (47, 6, 'early-childhood', 'Early Childhood', 'Nurseries and kindergartens.'),
    (48, 6, 'corporate-learning', 'Corporate Learning', 'Training and coaching for companies.');

-- Real Estate
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (49, 7, 'residential-sales', 'Residential Sales', 'Homes for sale and their agents.'),
    (50, 7, 'residential-lettings', 'Residential Lettings', 'Homes to rent and their agents.'),
    (51, 7, 'commercial-property', 'Commercial Property', 'Offices, shops, warehouses and land.'),
    (52, 7, 'property-management', 'Property Management', 'Running buildings for their owners.'),
    (53, 7, 'property-development', 'Property Development', 'Planning and building of new property.'),
    (54, 7, 'appraisal-inspection', 'Appraisal & Inspection', 'Valuation and survey of property.'),
    (55, 7, 'coworking-serviced-offices', 'Coworking & Serviced Offices', 'Offices and desks by the day or month.');

-- Travel & Hospitality
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (56, 8, 'hotels-resorts', 'Hotels & Resorts', 'Hotels, guest houses and resorts.'),
    (57, 8, 'holiday-rentals', 'Holiday Rentals', 'Homes and rooms let to travellers.'),
    (58, 8, 'travel-agencies', 'Travel Agencies', 'Agencies and booking services.'),
    (59, 8, 'tours-activities', 'Tours & Activities', 'Guided tours, excursions and adventures.'),
    (60, 8, 'airlines-airports', 'Airlines & Airports', 'Flights and what surrounds them.'),
    (61, 8, 'cruises-ferries', 'Cruises & Ferries', 'Travel by sea and river.'),
    (62, 8, 'destinations-tourism-boards', 'Destinations & Tourism Boards', 'Cities, regions and countries that invite visitors.'),
    (63, 8, 'event-venues', 'Event Venues', 'Places for weddings, conferences and celebrations.');

-- Food & Beverage
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (64, 9, 'restaurants-cafes', 'Restaurants & Cafés', 'Places to eat and drink.'),
    (65, 9, 'catering', 'Catering', 'Food for events and companies.'),
    (66, 9, 'bakeries-confectionery', 'Bakeries & Confectionery', 'Bread, cakes and sweets.'),
    (67, 9, 'grocery-delicatessen', 'Grocery & Delicatessen', 'Groceries and fine food, in shops and online.'),
    (68, 9, 'food-production', 'Food Production', 'Makers of packaged food and ingredients.'),
    (69, 9, 'wine-beer-spirits', 'Wine, Beer & Spirits', 'Vineyards, breweries, distilleries and merchants.'),
    (70, 9, 'coffee-tea', 'Coffee & Tea', 'Roasters, blenders and sellers.'),
    (71, 9, 'meal-kits-delivery', 'Meal Kits & Delivery', 'Meals and boxes brought to the door.');

-- Fashion & Apparel
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (72, 10, 'womens-clothing', 'Women''s Clothing', 'Clothing for women.'),
    (73, 10, 'mens-clothing', 'Men''s Clothing', 'Clothing for men.'),
    (74, 10, 'childrens-clothing', 'Children''s Clothing', 'Clothing for babies and children.'),
    (75, 10, 'footwear', 'Footwear', 'Shoes, boots and trainers.'),
    (76, 10, 'jewellery-watches', 'Jewellery & Watches', 'Jewellery, watches and their repair.'),
    (77, 10, 'bags-accessories', 'Bags & Accessories', 'Bags, belts, hats and eyewear.'),
    (78, 10, 'sustainable-second-hand', 'Sustainable & Second-hand', 'Resale, vintage and responsibly made clothing.');

-- Beauty & Personal Care
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (79, 11, 'hair-salons-barbers', 'Hair Salons & Barbers', 'Hairdressers, barbers and their products.'),
    (80, 11, 'skin-care', 'Skin Care', 'Products and treatments for the skin.'),
    (81, 11, 'make-up-cosmetics', 'Make-up & Cosmetics', 'Make-up and cosmetics.'),
    (82, 11, 'spas-wellness', 'Spas & Wellness', 'Day spas, saunas and relaxation.'),
    (83, 11, 'nails', 'Nails', 'Nail studios and products.'),
    (84, 11, 'aesthetic-treatments', 'Aesthetic Treatments', 'Laser, injectable and other aesthetic treatments.'),
    (85, 11, 'fragrances', 'Fragrances', 'Perfume and scents.');

-- Automotive
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (86, 12, 'car-dealerships', 'Car Dealerships', 'New and used cars.'),
    (87, 12, 'repair-maintenance', 'Repair & Maintenance', 'Garages, body shops and inspection.'),
    (88, 12, 'parts-accessories', 'Parts & Accessories', 'Parts, tyres and accessories.'),
    (89, 12, 'car-rental-sharing', 'Car Rental & Sharing', 'Cars by the hour, day or month.'),
    (90, 12, 'motorcycles', 'Motorcycles', 'Motorcycles, scooters and their gear.'),
    (91, 12, 'electric-vehicles', 'Electric Vehicles', 'Electric cars, charging and batteries.'),
    (92, 12, 'commercial-vehicles', 'Commercial Vehicles', 'Trucks, vans and fleets.');

-- Sports & Fitness
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (93, 13, 'gyms-studios', 'Gyms & Studios', 'Gyms, fitness and yoga studios.'),
    (94, 13, 'personal-training', 'Personal Training', 'Trainers and coaches.'),
    (95, 13, 'sports-equipment', 'Sports Equipment', 'Equipment and clothing for sport.'),
    (96, 13, 'outdoor-adventure', 'Outdoor & Adventure', 'Hiking, climbing, camping and water sports.'),
    (97, 13, 'clubs-leagues', 'Clubs & Leagues', 'Sports clubs, teams and competitions.'),
    (98, 13, 'nutrition-supplements', 'Nutrition & Supplements', 'Sports nutrition and supplements.'),
    (99, 13, 'cycling', 'Cycling', 'Bicycles, parts and tours.');

-- Construction & Trades
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (100, 14, 'general-contractors', 'General Contractors', 'Builders of houses and larger works.'),
    (101, 14, 'plumbing', 'Plumbing', 'Water, drainage and gas.'),
    (102, 14, 'electrical', 'Electrical', 'Electrical installation and repair.'),
    (103, 14, 'heating-air-conditioning', 'Heating & Air Conditioning', 'Heating, ventilation and cooling.'),
    (104, 14, 'roofing', 'Roofing', 'Roofs, gutters and cladding.'),
    (105, 14, 'painting-flooring', 'Painting & Flooring', 'Painting, plastering, tiling and floors.'),
    (106, 14, 'architecture-engineering', 'Architecture & Engineering', 'Design and calculation of buildings.'),
    (107, 14, 'solar-renewable-energy', 'Solar & Renewable Energy', 'Solar panels, heat pumps and storage.'),
    (108, 14, 'building-materials', 'Building Materials', 'Makers and merchants of building materials.');

-- Marketing & Media
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (109, 15, 'digital-marketing-agencies', 'Digital Marketing Agencies', 'Search, social, email and advertising.'),
    (110, 15, 'branding-design', 'Branding & Design', 'Brands, graphics and web design.'),
    (111, 15, 'public-relations', 'Public Relations', 'Press work and communication.'),
    (112, 15, 'publishing-news', 'Publishing & News', 'Newspapers, magazines, books and blogs.'),
    (113, 15, 'photography-video', 'Photography & Video', 'Photographers, film makers and studios.'),
    (114, 15, 'podcasts-audio', 'Podcasts & Audio', 'Podcasts, radio and sound studios.'),
    (115, 15, 'print-signage', 'Print & Signage', 'Printing, signs and promotional articles.');

-- Nonprofit & Community
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (116, 16, 'charities-foundations', 'Charities & Foundations', 'Organisations that raise and give.'),
    (117, 16, 'religious-organisations', 'Religious Organisations', 'Congregations and their work.'),
    (118, 16, 'environment-animals', 'Environment & Animals', 'Protection of nature and animals.'),
    (119, 16, 'arts-culture', 'Arts & Culture', 'Museums, theatres, music and heritage.'),
    (120, 16, 'clubs-associations', 'Clubs & Associations', 'Clubs, unions and professional bodies.'),
    (121, 16, 'social-services', 'Social Services', 'Help for families, the young, the old and those in need.'),
    (122, 16, 'public-institutions', 'Public Institutions', 'Municipalities, libraries and public bodies.');

-- Pets & Animals
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (123, 17, 'veterinary-care', 'Veterinary Care', 'Veterinary practices and animal hospitals.'),
    (124, 17, 'pet-supplies', 'Pet Supplies', 'Food, toys and equipment for pets.'),
    (125, 17, 'grooming-boarding', 'Grooming & Boarding', 'Grooming, day care and kennels.'),
    (126, 17, 'training-behaviour', 'Training & Behaviour', 'Dog schools and behaviour advice.'),
    (127, 17, 'breeding-adoption', 'Breeding & Adoption', 'Breeders, shelters and rescues.'),
    (128, 17, 'horses-livestock', 'Horses & Livestock', 'Riding, stables and farm animals.');

-- Manufacturing & Logistics
insert into igny8_industry_sectors (id, industry_id, slug, name, description)
values
    (129, 18, 'industrial-machinery', 'Industrial Machinery', 'Machines and plant for industry.'),
    (130, 18, 'metal-plastics', 'Metal & Plastics', 'Metalworking, moulding and components.'),
    (131, 18, 'electronics-manufacturing', 'Electronics Manufacturing', 'Boards, devices and assemblies.'),
    (132, 18, 'packaging', 'Packaging', 'Packaging material and machines.'),
    (133, 18, 'freight-shipping', 'Freight & Shipping', 'Carriage by road, rail, sea and air.'),
    (134, 18, 'warehousing-fulfilment', 'Warehousing & Fulfilment', 'Storage, picking and dispatch.'),
    (135, 18, 'wholesale-distribution', 'Wholesale & Distribution', 'Trade between makers and shops.');

select setval('igny8_industry_sectors_id_seq', 135);
