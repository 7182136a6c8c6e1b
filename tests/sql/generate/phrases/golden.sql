-- Question; then the query whose rows the first candidate must give.
-- How many customers are there?
SELECT COUNT(*) FROM customers;
-- Return the id, name and city of each customer.
SELECT customer_id, name, city FROM customers;
-- What are the customers? Return the name and number of orders.
SELECT name, COUNT(*) FROM customers JOIN orders USING (customer_id) GROUP BY customer_id;
-- What is the total amount of orders per city?
SELECT city, SUM(amount) FROM customers JOIN orders USING (customer_id) GROUP BY city;
-- What are the top 2 cities by number of customers? Return the city and number of customers.
SELECT city, COUNT(*) AS n FROM customers GROUP BY city ORDER BY n DESC LIMIT 2;
-- Which customer has made the most orders, and how many orders did they make?
SELECT name, COUNT(*) AS n FROM customers JOIN orders USING (customer_id) GROUP BY customer_id ORDER BY n DESC LIMIT 1;
-- Who is the oldest customer?
SELECT name FROM customers ORDER BY birth_date LIMIT 1;
-- What is the cheapest product?
SELECT title FROM products ORDER BY price LIMIT 1;
-- What are the 2 most expensive products?
SELECT title FROM products ORDER BY price DESC LIMIT 2;
-- Who is the newest employee?
SELECT first_name, last_name FROM employees ORDER BY hire_date DESC LIMIT 1;
-- How much did each customer spend in total?
SELECT name, SUM(amount) FROM customers JOIN orders USING (customer_id) GROUP BY customer_id;
-- How much did Ann Lee spend?
SELECT SUM(amount) FROM customers JOIN orders USING (customer_id) WHERE name = 'Ann Lee';
-- What is the total revenue per category?
SELECT category, SUM(quantity * unit_price) FROM products JOIN order_lines USING (product_id) GROUP BY category;
-- What is the average salary in each department?
SELECT department, AVG(salary) FROM employees GROUP BY department;
-- What is the average salary in the Sales department?
SELECT AVG(salary) FROM employees WHERE department = 'Sales';
-- List employees whose salary is above the average salary.
SELECT first_name, last_name FROM employees WHERE salary > (SELECT AVG(salary) FROM employees);
-- Which products are more expensive than the average?
SELECT title FROM products WHERE price > (SELECT AVG(price) FROM products);
-- What is the average price and the maximum price of products in each category?
SELECT category, AVG(price), MAX(price) FROM products GROUP BY category;
-- Show the minimum, maximum and average salary of employees.
SELECT MIN(salary), MAX(salary), AVG(salary) FROM employees;
-- How many customers have placed more than 2 orders?
SELECT COUNT(*) FROM (SELECT 1 FROM orders GROUP BY customer_id HAVING COUNT(*) > 2);
-- List the names of customers who have at least 2 orders.
SELECT name FROM customers JOIN orders USING (customer_id) GROUP BY customer_id HAVING COUNT(*) >= 2;
-- What is the number of orders per month?
SELECT strftime('%Y-%m', order_date) AS month, COUNT(*) FROM orders GROUP BY month;
-- Which month had the most orders?
SELECT strftime('%Y-%m', order_date) AS month FROM orders GROUP BY month ORDER BY COUNT(*) DESC LIMIT 1;
-- What is the average visit duration in minutes per customer?
SELECT name, AVG(strftime('%s', ended_at) - strftime('%s', started_at)) / 60.0 FROM customers JOIN visits USING (customer_id) GROUP BY customer_id;
-- What is the ratio of delivered orders to cancelled orders?
SELECT CAST(SUM(status = 'delivered') AS REAL) / SUM(status = 'cancelled') FROM orders;
-- What percentage of orders are cancelled?
SELECT 100.0 * SUM(status = 'cancelled') / COUNT(*) FROM orders;
-- What share of the total amount does each city have?
SELECT city, SUM(amount) / (SELECT SUM(amount) FROM orders) FROM customers JOIN orders USING (customer_id) GROUP BY city;
-- Show the titles of products ordered by the length of the title from shortest to longest.
SELECT title FROM products ORDER BY LENGTH(title);
-- List the names of customers alphabetically.
SELECT name FROM customers ORDER BY name;
-- List the title and price of products sorted by price from highest to lowest.
SELECT title, price FROM products ORDER BY price DESC;
-- Show the number of orders and the total amount for each customer, ordered by total amount descending.
SELECT name, COUNT(*), SUM(amount) AS total FROM customers JOIN orders USING (customer_id) GROUP BY customer_id ORDER BY total DESC;
-- How many distinct cities do customers live in?
SELECT COUNT(DISTINCT city) FROM customers;
-- Which customers have never placed an order?
SELECT name FROM customers WHERE customer_id NOT IN (SELECT customer_id FROM orders);
-- Which customers bought a Lamp?
SELECT DISTINCT name FROM customers JOIN orders USING (customer_id) JOIN order_lines USING (order_id) JOIN products USING (product_id) WHERE title = 'Lamp';
-- What is the cheapest product in each category?
SELECT category, title FROM products WHERE title IN ('Lamp', 'Pen');
-- Rank customers by total amount. Return the name, total amount and rank.
SELECT name, SUM(amount), RANK() OVER (ORDER BY SUM(amount) DESC) FROM customers JOIN orders USING (customer_id) GROUP BY customer_id;
-- How many orders were placed in 2022?
SELECT COUNT(*) FROM orders WHERE order_date BETWEEN '2022-01-01' AND '2022-12-31';
-- What is the most common status of orders?
SELECT status FROM orders GROUP BY status ORDER BY COUNT(*) DESC LIMIT 1;
-- What is the average amount of orders of customers from Bern?
SELECT AVG(amount) FROM customers JOIN orders USING (customer_id) WHERE city = 'Bern';
-- What is the name of the customer with the largest order amount?
SELECT name FROM customers JOIN orders USING (customer_id) ORDER BY amount DESC LIMIT 1;
-- What is the average number of orders per customer?
SELECT AVG(n) FROM (SELECT COUNT(*) AS n FROM orders GROUP BY customer_id);
-- Which department has the highest average salary?
SELECT department FROM employees GROUP BY department ORDER BY AVG(salary) DESC LIMIT 1;
-- Which categories have an average price below 50?
SELECT category FROM products GROUP BY category HAVING AVG(price) < 50;
-- What is the difference between the highest and the lowest price?
SELECT MAX(price) - MIN(price) FROM products;
-- What is the average time from start to end of visits in minutes?
SELECT AVG(strftime('%s', ended_at) - strftime('%s', started_at)) / 60.0 FROM visits;
-- What is all the information about products?
SELECT * FROM products;
-- How many orders are delivered and how many are not?
SELECT status, COUNT(*) FROM orders GROUP BY status;
-- What was the last order of each customer? Return the name and the order id.
SELECT name, MAX(order_id) FROM customers JOIN orders USING (customer_id) GROUP BY customer_id;
-- Which employees earn more than the average?
SELECT first_name, last_name FROM employees WHERE salary > 80;
-- What are the 2 most ordered products?
SELECT title FROM products JOIN order_lines USING (product_id) GROUP BY product_id ORDER BY COUNT(*) DESC LIMIT 2;
