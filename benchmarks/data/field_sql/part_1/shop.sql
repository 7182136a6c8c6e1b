-- An online shop with three warehouses. Rows are made by shop_rows.py.

CREATE TABLE warehouses (
  warehouse_id INTEGER PRIMARY KEY,
  name VARCHAR(40) NOT NULL,
  city VARCHAR(40) NOT NULL,
  country VARCHAR(40) NOT NULL,
  capacity_m3 INTEGER
);

CREATE TABLE employees (
  employee_id INTEGER PRIMARY KEY,
  full_name VARCHAR(80) NOT NULL,
  job_title VARCHAR(60),
  department VARCHAR(40),
  hire_date DATE NOT NULL,
  leave_date DATE,
  salary DECIMAL(10, 2) NOT NULL,
  manager_id INTEGER REFERENCES employees (employee_id),
  warehouse_id INTEGER REFERENCES warehouses (warehouse_id)
);

CREATE TABLE customers (
  customer_id INTEGER PRIMARY KEY,
  first_name VARCHAR(40) NOT NULL,
  last_name VARCHAR(40) NOT NULL,
  email VARCHAR(80),
  phone VARCHAR(20),
  birth_date DATE,
  signup_date DATE NOT NULL,
  newsletter CHAR(1) NOT NULL, -- Y or N
  is_active INTEGER NOT NULL, -- 1 or 0
  loyalty_tier VARCHAR(10),
  referred_by INTEGER REFERENCES customers (customer_id)
);

CREATE TABLE addresses (
  address_id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers (customer_id),
  kind VARCHAR(10) NOT NULL, -- billing or shipping
  street VARCHAR(80),
  city VARCHAR(40),
  postal_code VARCHAR(12),
  country VARCHAR(40)
);

CREATE TABLE categories (
  category_id INTEGER PRIMARY KEY,
  name VARCHAR(40) NOT NULL,
  parent_id INTEGER REFERENCES categories (category_id)
);

CREATE TABLE suppliers (
  supplier_id INTEGER PRIMARY KEY,
  company_name VARCHAR(60) NOT NULL,
  contact_name VARCHAR(60),
  country VARCHAR(40),
  lead_time_days INTEGER,
  preferred INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE products (
  product_id INTEGER PRIMARY KEY,
  sku VARCHAR(16) NOT NULL,
  name VARCHAR(80) NOT NULL,
  category_id INTEGER REFERENCES categories (category_id),
  supplier_id INTEGER REFERENCES suppliers (supplier_id),
  list_price DECIMAL(10, 2) NOT NULL,
  cost_price DECIMAL(10, 2) NOT NULL,
  weight_kg DECIMAL(6, 2),
  launched_on DATE,
  discontinued CHAR(1) NOT NULL -- Y or N
);

CREATE TABLE coupons (
  coupon_id INTEGER PRIMARY KEY,
  code VARCHAR(20) NOT NULL,
  percent_off INTEGER NOT NULL,
  valid_from DATE NOT NULL,
  valid_until DATE,
  single_use INTEGER NOT NULL -- 1 or 0
);

CREATE TABLE orders (
  order_id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL REFERENCES customers (customer_id),
  order_date DATE NOT NULL,
  status VARCHAR(12) NOT NULL, -- pending, paid, shipped, delivered, cancelled
  channel VARCHAR(10) NOT NULL, -- web, phone, store
  coupon_id INTEGER REFERENCES coupons (coupon_id),
  sales_rep_id INTEGER REFERENCES employees (employee_id),
  ship_address_id INTEGER REFERENCES addresses (address_id),
  shipping_cost DECIMAL(8, 2) NOT NULL
);

CREATE TABLE order_items (
  order_id INTEGER NOT NULL REFERENCES orders (order_id),
  line_no INTEGER NOT NULL,
  product_id INTEGER NOT NULL REFERENCES products (product_id),
  quantity INTEGER NOT NULL,
  unit_price DECIMAL(10, 2) NOT NULL,
  PRIMARY KEY (order_id, line_no)
);

CREATE TABLE payments (
  payment_id INTEGER PRIMARY KEY,
  order_id INTEGER NOT NULL REFERENCES orders (order_id),
  method VARCHAR(16) NOT NULL,
  amount DECIMAL(10, 2) NOT NULL,
  paid_at TIMESTAMP,
  status VARCHAR(12) NOT NULL -- captured, failed, refunded
);

CREATE TABLE shipments (
  shipment_id INTEGER PRIMARY KEY,
  order_id INTEGER NOT NULL REFERENCES orders (order_id),
  warehouse_id INTEGER NOT NULL REFERENCES warehouses (warehouse_id),
  carrier VARCHAR(20) NOT NULL,
  shipped_at TIMESTAMP NOT NULL,
  delivered_at TIMESTAMP,
  tracking_no VARCHAR(20)
);

CREATE TABLE returns (
  return_id INTEGER PRIMARY KEY,
  order_id INTEGER NOT NULL REFERENCES orders (order_id),
  product_id INTEGER NOT NULL REFERENCES products (product_id),
  returned_on VARCHAR(10) NOT NULL, -- DD/MM/YYYY
  reason VARCHAR(40),
  refund_amount DECIMAL(10, 2),
  approved CHAR(1) -- Y, N, or NULL while it is open
);

CREATE TABLE reviews (
  review_id INTEGER PRIMARY KEY,
  product_id INTEGER NOT NULL REFERENCES products (product_id),
  customer_id INTEGER NOT NULL REFERENCES customers (customer_id),
  rating INTEGER NOT NULL,
  comment TEXT,
  posted_epoch INTEGER NOT NULL -- seconds since 1970
);

CREATE TABLE stock (
  warehouse_id INTEGER NOT NULL REFERENCES warehouses (warehouse_id),
  product_id INTEGER NOT NULL REFERENCES products (product_id),
  on_hand INTEGER NOT NULL,
  reorder_level INTEGER NOT NULL,
  counted_at TIMESTAMP,
  PRIMARY KEY (warehouse_id, product_id)
);
