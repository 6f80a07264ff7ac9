"""Lighthouse, the program that judges how accessible a page is: installed and asked, and kept from calling anybody."""
