-- Question, after "given:" its evidence; then the query whose rows the first candidate must give.
-- Who is the supervisor of Ida Moss?
SELECT b.name FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id WHERE s.name = 'Ida Moss';
-- Who supervises Jim Nash?
SELECT b.name FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id WHERE s.name = 'Jim Nash';
-- Who does Kim Orr report to?
SELECT b.name FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id WHERE s.name = 'Kim Orr';
-- How many people report to Hal Lane?
SELECT COUNT(*) FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id WHERE b.name = 'Hal Lane';
-- What is the average salary of staff supervised by Hal Lane?
SELECT AVG(s.salary) FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id WHERE b.name = 'Hal Lane';
-- List all staff and their supervisors.
SELECT s.name, b.name FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id;
-- Which staff have no supervisor?
SELECT name FROM staff WHERE supervisor_id IS NULL;
-- Which supervisors have more than 1 report?
SELECT b.name FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id GROUP BY b.staff_id HAVING COUNT(*) > 1;
-- Which supervisor has the most direct reports?
SELECT b.name FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id GROUP BY b.staff_id ORDER BY COUNT(*) DESC LIMIT 1;
-- Which staff earn more than their supervisor?
SELECT s.name FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id WHERE s.salary > b.salary;
-- List the subgenres of Fiction.
SELECT s.name FROM genres s JOIN genres b ON s.parent_id = b.genre_id WHERE b.name = 'Fiction';
-- What is the parent genre of Crime?
SELECT b.name FROM genres s JOIN genres b ON s.parent_id = b.genre_id WHERE s.name = 'Crime';
-- How many loans were returned after they were due?
SELECT COUNT(*) FROM loans WHERE returned_on > due_on;
-- How many loans were returned late?
SELECT COUNT(*) FROM loans WHERE returned_on > due_on;
-- Which books have a sale price above the list price?
SELECT title FROM books WHERE sale_price > list_price;
-- Which books have more copies sold than copies lent?
SELECT title FROM books WHERE copies_sold > copies_lent;
-- What is the average order value?
SELECT AVG(t) FROM (SELECT SUM(quantity * price) AS t FROM order_lines GROUP BY order_id);
-- What is the average number of loans per reader?
SELECT AVG(n) FROM (SELECT COUNT(*) AS n FROM loans GROUP BY reader_id);
-- What is the total outstanding amount per reader?
SELECT name, SUM(total - paid) FROM readers JOIN fees USING (reader_id) GROUP BY reader_id;
-- How many units of each book were sold?
SELECT title, SUM(quantity) FROM books JOIN order_lines USING (book_id) GROUP BY book_id;
-- What is the total revenue per month?
SELECT strftime('%Y-%m', ordered_on) AS m, SUM(quantity * price) FROM orders JOIN order_lines USING (order_id) GROUP BY m;
-- Which 2 books have the highest markup? given: markup = sale price - list price
SELECT title FROM books ORDER BY sale_price - list_price DESC LIMIT 2;
-- What is the average markup of books? given: Markup means sale price minus list price.
SELECT AVG(sale_price - list_price) FROM books;
-- What is the net value of the orders of each reader? given: net value = quantity * price * (1 - discount)
SELECT name, SUM(quantity * price * (1 - discount)) FROM readers JOIN orders USING (reader_id) JOIN order_lines USING (order_id) GROUP BY reader_id;
-- How many loyal readers are there? given: loyal reader: level = 'gold' and joined_on < '2021-01-01'
SELECT COUNT(*) FROM readers WHERE level = 'gold' AND joined_on < '2021-01-01';
-- How many VIPs live in Bern? given: VIP refers to level = 'gold'
SELECT COUNT(*) FROM readers WHERE level = 'gold' AND city = 'Bern';
-- Which readers are new readers? given: new readers are those who joined after 2021
SELECT name FROM readers WHERE joined_on > '2021-12-31';
-- What is the return rate? given: return rate = returned orders / all orders * 100
SELECT 100.0 * SUM(status = 'returned') / COUNT(*) FROM orders;
-- How many orders are there per city? given: Exclude cancelled orders.
SELECT city, COUNT(*) FROM readers JOIN orders USING (reader_id) WHERE status <> 'cancelled' GROUP BY city;
-- How many orders did each reader make? given: Only count shipped orders.
SELECT name, COUNT(*) FROM readers JOIN orders USING (reader_id) WHERE status = 'shipped' GROUP BY reader_id;
-- Which readers never borrowed a Crime book?
SELECT name FROM readers WHERE reader_id NOT IN (SELECT reader_id FROM loans JOIN books USING (book_id) JOIN genres USING (genre_id) WHERE genres.name = 'Crime');
-- Which books are expensive? given: A book is considered expensive when its list price exceeds 19.
SELECT title FROM books WHERE list_price > 19;
-- How many big fees are there? given: a big fee is one over 18
SELECT COUNT(*) FROM fees WHERE total > 18;
-- What is the profit of each book? given: profit = sale price − list price
SELECT title, sale_price - list_price FROM books;
-- What is the cancel rate per city? given: Cancel rate is the number of cancelled orders divided by the total number of orders
SELECT city, 1.0 * SUM(status = 'cancelled') / COUNT(*) FROM readers JOIN orders USING (reader_id) GROUP BY city;
-- Which genres have more than 1 subgenre?
SELECT b.name FROM genres s JOIN genres b ON s.parent_id = b.genre_id GROUP BY b.genre_id HAVING COUNT(*) > 1;
-- How many direct reports does Hal Lane have?
SELECT COUNT(*) FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id WHERE b.name = 'Hal Lane';
-- What is the average salary of supervisors?
SELECT AVG(salary) FROM staff WHERE staff_id IN (SELECT supervisor_id FROM staff);
-- How many staff have a supervisor?
SELECT COUNT(*) FROM staff WHERE supervisor_id IS NOT NULL;
-- What is the best-selling book?
SELECT title FROM books JOIN order_lines USING (book_id) GROUP BY book_id ORDER BY SUM(quantity) DESC LIMIT 1;
-- Which reader spent the most?
SELECT name FROM readers JOIN orders USING (reader_id) JOIN order_lines USING (order_id) GROUP BY reader_id ORDER BY SUM(quantity * price) DESC LIMIT 1;
-- Total revenue by genre
SELECT genres.name, SUM(quantity * price) FROM genres JOIN books USING (genre_id) JOIN order_lines USING (book_id) GROUP BY genre_id;
-- Revenue by reader in March 2022
SELECT name, SUM(quantity * price) FROM readers JOIN orders USING (reader_id) JOIN order_lines USING (order_id) WHERE ordered_on LIKE '2022-03%' GROUP BY reader_id;
-- How many fees over 18 are there?
SELECT COUNT(*) FROM fees WHERE total > 18;
-- Which readers have orders but no fees?
SELECT name FROM readers WHERE reader_id IN (SELECT reader_id FROM orders) AND NOT reader_id IN (SELECT reader_id FROM fees);
-- Which staff report to nobody and have no supervisor?
SELECT name FROM staff WHERE supervisor_id IS NULL;
-- Which genres are without a parent?
SELECT name FROM genres WHERE parent_id IS NULL;
-- How many books have never been sold?
SELECT COUNT(*) FROM books WHERE NOT book_id IN (SELECT book_id FROM order_lines);
-- Staff hired before their supervisor
SELECT s.name FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id WHERE s.hired_on < b.hired_on;
-- Which member of staff does Kim Orr report to?
SELECT b.name FROM staff s JOIN staff b ON s.supervisor_id = b.staff_id WHERE s.name = 'Kim Orr';
-- Which readers spent more than 60 in total?
SELECT name FROM readers JOIN orders USING (reader_id) JOIN order_lines USING (order_id) GROUP BY reader_id HAVING SUM(quantity * price) > 60;
-- Which readers have not bought anything?
SELECT name FROM readers WHERE NOT reader_id IN (SELECT reader_id FROM orders);
-- What is the average amount spent per reader?
SELECT AVG(t) FROM (SELECT SUM(quantity * price) AS t FROM orders JOIN order_lines USING (order_id) GROUP BY reader_id);
-- How many frequent readers are there? given: A reader is frequent if they have more than 1 loan
SELECT COUNT(*) FROM (SELECT 1 FROM loans GROUP BY reader_id HAVING COUNT(*) > 1);
-- What is the fair price of each book? given: The fair price is the list price minus 10%.
SELECT title, list_price * 0.9 FROM books;
-- How many readers are not VIPs? given: VIP means level = 'gold'
SELECT COUNT(*) FROM readers WHERE level <> 'gold';
-- How many non-VIP readers are there? given: VIP means level = 'gold'
SELECT COUNT(*) FROM readers WHERE level <> 'gold';
-- Which books have a markup above 1? given: markup = sale price - list price
SELECT title FROM books WHERE sale_price - list_price > 1;
-- Which books have a negative markup? given: markup = sale price - list price
SELECT title FROM books WHERE sale_price - list_price < 0;
-- What is the net value in March 2022? given: net value = quantity * price * (1 - discount)
SELECT SUM(quantity * price * (1 - discount)) FROM orders JOIN order_lines USING (order_id) WHERE ordered_on LIKE '2022-03%';
-- How many more gold readers than silver readers are there?
SELECT SUM(level = 'gold') - SUM(level = 'silver') FROM readers;
-- How many fewer cancelled orders than shipped orders are there?
SELECT SUM(status = 'shipped') - SUM(status = 'cancelled') FROM orders;
-- What is the difference between the number of shipped orders and cancelled orders?
SELECT SUM(status = 'shipped') - SUM(status = 'cancelled') FROM orders;
-- What is the percentage change in the number of orders from February 2022 to March 2022?
SELECT 100.0 * (SUM(ordered_on LIKE '2022-03%') - SUM(ordered_on LIKE '2022-02%')) / SUM(ordered_on LIKE '2022-02%') FROM orders;
-- Compare the number of gold and silver readers.
SELECT level, COUNT(*) FROM readers WHERE level IN ('gold', 'silver') GROUP BY level;
-- What is the ratio of gold to silver readers?
SELECT 1.0 * SUM(level = 'gold') / SUM(level = 'silver') FROM readers;
-- Which readers have both shipped and returned orders?
SELECT name FROM readers WHERE reader_id IN (SELECT reader_id FROM orders WHERE status = 'shipped') AND reader_id IN (SELECT reader_id FROM orders WHERE status = 'returned');
-- How many readers have both shipped and cancelled orders?
SELECT 0;
-- What is the second highest list price?
SELECT list_price FROM books ORDER BY list_price DESC LIMIT 1 OFFSET 1;
-- Who has the third lowest salary among the staff?
SELECT name FROM staff ORDER BY salary LIMIT 1 OFFSET 2;
-- Show the number of orders per month and the change from the previous month.
WITH m AS (SELECT strftime('%Y-%m', ordered_on) AS k, COUNT(*) AS n FROM orders GROUP BY k) SELECT k, n, n - LAG(n) OVER (ORDER BY k) FROM m;
-- What is the cumulative number of orders by month?
WITH m AS (SELECT strftime('%Y-%m', ordered_on) AS k, COUNT(*) AS n FROM orders GROUP BY k) SELECT k, n, SUM(n) OVER (ORDER BY k) FROM m;
-- What is the share of orders per month that got cancelled?
SELECT strftime('%Y-%m', ordered_on) AS k, 1.0 * SUM(status = 'cancelled') / COUNT(*) FROM orders GROUP BY k;
-- What is the cancellation rate of orders per month?
SELECT strftime('%Y-%m', ordered_on) AS k, 1.0 * SUM(status = 'cancelled') / COUNT(*) FROM orders GROUP BY k;
-- Which staff earn above the average of their supervisor?
SELECT name FROM staff s WHERE salary > (SELECT AVG(salary) FROM staff x WHERE x.supervisor_id = s.supervisor_id);
-- What is the load of each book? given: load = number of loans
SELECT title, COUNT(*) FROM books JOIN loans USING (book_id) GROUP BY book_id;
-- How many keen readers are from Bern? given: keen means level is gold or silver
SELECT COUNT(*) FROM readers WHERE level IN ('gold', 'silver') AND city = 'Bern';
-- What is the average delay of loans? given: delay = returned on - due on
SELECT AVG(julianday(returned_on) - julianday(due_on)) FROM loans;
-- Which books are hot books? given: A hot book has more than 5 copies lent
SELECT title FROM books WHERE copies_lent > 5;
-- What is the difference between the highest and lowest sale price?
SELECT MAX(sale_price) - MIN(sale_price) FROM books;
-- Which fees have a paid amount above half the average?
SELECT fee_id FROM fees WHERE paid > 0.5 * (SELECT AVG(paid) FROM fees);
-- List the readers with their number of loans.
SELECT name, COUNT(*) FROM readers JOIN loans USING (reader_id) GROUP BY reader_id;
-- Who was hired most recently?
SELECT name FROM staff ORDER BY hired_on DESC LIMIT 1;
-- Number of loans per reader, most frequent first
SELECT name, COUNT(*) FROM readers JOIN loans USING (reader_id) GROUP BY reader_id;
-- For each level, give the number of readers and its percentage of all readers.
SELECT level, COUNT(*), 100.0 * COUNT(*) / (SELECT COUNT(*) FROM readers) FROM readers GROUP BY level;
