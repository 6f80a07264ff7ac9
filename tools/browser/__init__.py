"""A Chromium of the machine, driven by Playwright: for the tests of the console and its screenshots."""
