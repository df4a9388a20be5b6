SELECT phone, name FROM customers WHERE city = '{{ params.city }}' AND age >= :age
