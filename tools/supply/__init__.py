"""What the product is made of and what must not be in it: licences, bill of materials, unsafe code, secrets."""
