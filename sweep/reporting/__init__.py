"""What a report says and shows: findings (said), figures (drawn), look (words and drawing).

For `sweep report`, and for the tables of other commands. Begin with `page.py`.
"""
